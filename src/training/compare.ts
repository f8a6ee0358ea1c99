import type { Dataset } from '../datasets/example.ts';
import { groupTwins } from '../datasets/split/duplicates.ts';
import {
  marksTest,
  noteSplit,
  type SplitChoice,
  type SplitRows,
  splitRows,
} from '../datasets/split/split-rows.ts';
import { modalitiesIn } from '../datasets/with-modality.ts';
import type { Encoders } from '../encoders/encoders.ts';
import type { AnswerMetrics } from '../evaluation/answers.ts';
import { measureAnswers } from '../evaluation/answers.ts';
import { evaluations } from '../evaluation/targets.ts';
import type { ItemProbabilities } from '../heads/head.ts';
import { itemAt } from '../indexing.ts';
import type { Engine } from '../runtime/engine.ts';
import { targets } from '../targets/targets.ts';
import { selectTruths } from '../targets/truth-table.ts';
import { checkpointsOf } from './checkpoints-of.ts';
import { type Comparison, judge, resultsOf } from './comparison.ts';
import { contenders, isPossible, prepare } from './contenders.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { extractFeatures } from './features/features.ts';
import { fittedColumns } from './features/fitted-columns.ts';
import type { WrittenCheckpoint } from './loop/checkpoints.ts';
import { fitHead } from './loop/fit.ts';
import { type Recipe, recipeFor } from './loop/recipe.ts';
import { onEngines, withEngines } from './loop/side-by-side.ts';
import type { TrainingOptions } from './loop/trainer.ts';
import type { TrainingProgress } from './progress.ts';
import { rankModalities } from './search/modality-ranking.ts';
import { calibrateRecipe } from './search/recipe-search.ts';
import type { HeadThresholds } from './search/thresholds.ts';

export interface CompareOptions extends SplitChoice {
  dataset: Dataset;
  /** Folder of the features that earlier jobs left, and of what this one leaves. */
  featureCache?: string;
  /** The default for the number of examples where absent. */
  recipe?: Recipe;
  /** Each decides one split, start, order and dropout, the same for every strategy. Two or more. */
  seeds: readonly number[];
  threads: number;
  /** A folder that this comparison has to itself: what each contender gave with each seed is kept there, and not done again. */
  checkpoints?: string;
  signal?: AbortSignal;
  /** Told what a person may want to know, beside the dataset's own notes. */
  onNote?(note: string): void;
  /** Told of each result that is on the disk. */
  onCheckpoint?(written: WrittenCheckpoint): void;
  onProgress?(progress: TrainingProgress): void;
}

/**
 * Trains every strategy on the same splits with the same budget and measures each on the same test examples, each with
 * the calibration and the thresholds that a part of its training side gives it, as the head that would be served.
 * @throws TandemError as `fineTune` does
 * @example const { results, verdict } = await compareStrategies(encoders, { dataset: await readDataset('pets'), seeds: [0, 1, 2, 3, 4], … });
 */
export async function compareStrategies(encoders: Encoders, options: CompareOptions): Promise<Comparison> {
  const { dataset, seeds, signal, onNote, onProgress } = options;
  for (const note of noteSplit(dataset, options)) onNote?.(note);
  const runs = seeds.map((seed) => ({ seed, split: splitRows(dataset, { ...options, seed }) }));
  const { train, test } = itemAt(runs, 0).split;
  const recipe = options.recipe ?? recipeFor(train.length, dataset.target);
  const table = await extractFeatures(encoders, dataset, {
    cache: options.featureCache,
    signal,
    onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
  });
  const known = modalitiesIn(dataset);
  const taking = contenders.filter((contender) => isPossible(contender, known, dataset.target));
  // What is fitted is fitted to the training rows, which differ from seed to seed.
  const fittedRuns = runs.map(({ seed, split }) => ({
    ...{ seed, split },
    table: { ...table, columns: [...table.columns, ...fittedColumns(dataset, { rows: split.train })] },
  }));
  const groups = groupTwins(dataset.examples);
  const tasks = fittedRuns.flatMap((run) => taking.map((contender) => ({ ...run, contender })));
  const { testShare, splitBy } = options;
  const checkpoints = checkpointsOf(encoders, options, { seeds, testShare, splitBy });
  let done = 0;
  const measure = async (
    engine: Engine,
    { seed, split, table: fitted, contender }: (typeof tasks)[number],
  ) => {
    const prepared = prepare(contender, fitted, recipe);
    const kept = checkpoints?.result<AnswerMetrics>(`${contender}-${seed}`);
    const work = { contender, seed, recipe: prepared.recipe };
    const earlier = await kept?.read(work);
    const metrics =
      earlier ?? (await metricsOf(engine, dataset, split, { ...prepared, seed, signal, groups }));
    if (!earlier) await kept?.write(work, metrics);
    const { negativeLogLikelihood: loss, accuracy } = metrics.fused;
    onProgress?.({ stage: 'comparison', done: ++done, total: tasks.length, loss, accuracy });
    return { contender, metrics };
  };
  const { provider } = encoders.provider;
  const measured = await withEngines(
    { provider, threads: options.threads, trainings: tasks.length },
    (engines) => onEngines(engines, tasks, measure),
  );
  const { titles } = evaluations[dataset.target];
  const results = resultsOf(measured, titles);
  return {
    target: dataset.target,
    dataset: dataset.name,
    examples: { training: train.length, test: test.length },
    labels: dataset.labels.length,
    seeds,
    split: marksTest(dataset) ? 'marked' : 'drawn',
    results,
    ...judge(results, 'arl', titles, test.length / train.length),
  };
}

/** Trains a contender on one side of a split, and measures it on the other. */
async function metricsOf(
  engine: Engine,
  { labels }: Dataset,
  split: SplitRows,
  {
    table,
    ...options
  }: Omit<TrainingOptions, 'classes'> & { table: FeatureTable; groups: readonly unknown[] },
): Promise<AnswerMetrics> {
  const { answers, thresholds } = await answersFrom(engine, table, split, {
    ...options,
    classes: labels.length,
  });
  return measureAnswers(answers, selectTruths(table.truth, split.test), {
    ...{ labels, encoders: table.columns },
    thresholds: thresholds?.fused,
    unimodalThresholds: thresholds?.unimodal,
  });
}

/**
 * Trains on the examples that have any of the table's modalities and asks about those that have; of the others the
 * prior is said. So every contender answers for every test example.
 */
async function answersFrom(
  engine: Engine,
  table: FeatureTable,
  { train, test }: SplitRows,
  { groups, ...options }: TrainingOptions & { groups: readonly unknown[] },
): Promise<{ answers: ItemProbabilities[]; thresholds?: HeadThresholds }> {
  const isKnown = (row: number) => table.columns.some(({ present }) => present[row] === 1);
  const [known, asked] = [train.filter(isKnown), test.filter(isKnown)];
  const unknown: ItemProbabilities = {
    fused: targets[table.truth.target].prior(table.truth, train, options.classes),
    unimodal: {},
  };
  if (known.length === 0 || asked.length === 0) return { answers: test.map(() => unknown) };
  const recipe = await rankModalities([engine], table, known, { ...options, groups });
  const ranked = { ...options, recipe };
  const { calibration, thresholds } = await calibrateRecipe(engine, table, known, { ...ranked, groups });
  const { answers } = await fitHead(engine, table, { train: known, test: asked }, { ...ranked, calibration });
  const answerOf = new Map(asked.map((row, index) => [row, answers[index]]));
  return { answers: test.map((row) => answerOf.get(row) ?? unknown), thresholds };
}
