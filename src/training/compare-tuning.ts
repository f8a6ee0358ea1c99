import type { StrategyName } from '../arl/strategy.ts';
import type { Dataset } from '../datasets/example.ts';
import { groupTwins } from '../datasets/split/duplicates.ts';
import { marksTest, noteSplit, type SplitRows, splitRows } from '../datasets/split/split-rows.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { measureAnswers } from '../evaluation/answers.ts';
import type { Difference } from '../evaluation/paired-difference.ts';
import { evaluations } from '../evaluation/targets.ts';
import type { ItemProbabilities } from '../heads/head.ts';
import { itemAt, required } from '../indexing.ts';
import type { Engine } from '../runtime/engine.ts';
import { selectTruths } from '../targets/truth-table.ts';
import { namePart } from './choices.ts';
import type { CompareOptions } from './compare.ts';
import { type Comparison, differencesOf, judge, resultsOf } from './comparison.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { type ExtractionOptions, extractFeatures } from './features/features.ts';
import { answersOf, fitHead } from './loop/fit.ts';
import { chooseRecipe, recipeFor } from './loop/recipe.ts';
import { onEngines, withEngines } from './loop/side-by-side.ts';
import type { TrainingOptions } from './loop/trainer.ts';
import { tuneOnRows } from './loop/tune.ts';
import { type OpenTrunks, openTrunks, type TuningChoice } from './open-trunks.ts';
import { calibrate } from './search/calibration.ts';
import { splitForValidation } from './search/cross-validation.ts';
import { rankModalities } from './search/modality-ranking.ts';

/** The head on encoders that stay as they are, and tuned ones by how their modalities are balanced. */
export const tunedContenders = ['frozen', 'tuned-joint', 'tuned-uniform', 'tuned-arl', 'tuned-pdmp'] as const;
export type TunedContender = (typeof tunedContenders)[number];

const strategyOf: Record<TunedContender, Extract<StrategyName, 'joint' | 'uniform' | 'arl' | 'pdmp'>> = {
  frozen: 'joint',
  'tuned-joint': 'joint',
  'tuned-uniform': 'uniform',
  'tuned-arl': 'arl',
  'tuned-pdmp': 'pdmp',
};

/** Whether tuning pays, and whether ARL does where encoders are tuned. */
export interface TunedComparison extends Comparison<TunedContender> {
  /** What was tuned, such as `text:last-2`. */
  tuned: readonly string[];
  /** `tuned-joint` less `frozen`, which differ in nothing else. */
  tuning: Record<string, Difference>;
}

export type CompareTuningOptions = Omit<CompareOptions, 'checkpoints' | 'onCheckpoint'> & {
  tuning: TuningChoice;
};

/**
 * Trains a head on frozen encoders and tunes them, with the modalities balanced in four ways, on the same splits with the
 * same number of steps, each calibrated on a part of its training side.
 * @throws TandemError as `fineTune` does
 * @example const { tuning, verdict } = await compareTuning(encoders, { dataset, tuning, seeds: [0, 1, 2, 3, 4], threads: 2 });
 */
export async function compareTuning(
  encoders: Encoders,
  options: CompareTuningOptions,
): Promise<TunedComparison> {
  const { dataset, seeds, threads, tuning, signal, onNote, onProgress } = options;
  for (const note of noteSplit(dataset, options)) onNote?.(note);
  const runs = seeds.map((seed) => ({ seed, split: splitRows(dataset, { ...options, seed }) }));
  const { train, test } = itemAt(runs, 0).split;
  const recipe = options.recipe ?? recipeFor(train.length, dataset.target);
  const extraction: ExtractionOptions = {
    ...{ cache: options.featureCache, signal },
    onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
  };
  const pretrained = await extractFeatures(encoders, dataset, extraction);
  const trunks = await encodeTrunks(encoders, tuning, { dataset, pretrained, threads, extraction });
  const taking = tunedContenders.slice(0, pretrained.columns.length > 1 ? undefined : 2);
  const tasks = runs.flatMap((run) => taking.map((contender) => ({ ...run, contender })));
  const groups = groupTwins(dataset.examples);
  const { labels } = dataset;
  let done = 0;
  const measure = async (engine: Engine, { seed, split, contender }: (typeof tasks)[number]) => {
    const answers = await answersOfTuned(
      engine,
      pretrained,
      contender === 'frozen' ? undefined : trunks,
      split,
      {
        ...{ seed, signal, groups, classes: labels.length },
        recipe: { ...recipe, ...chooseRecipe({ strategy: strategyOf[contender] }), lexical: 'off' },
      },
    );
    const truth = selectTruths(pretrained.truth, split.test);
    const metrics = measureAnswers(answers, truth, { labels, encoders: pretrained.columns });
    const { negativeLogLikelihood: loss, accuracy } = metrics.fused;
    onProgress?.({ stage: 'comparison', done: ++done, total: tasks.length, loss, accuracy });
    return { contender, metrics };
  };
  const { provider } = encoders.provider;
  const measured = await withEngines({ provider, threads, trainings: tasks.length }, (engines) =>
    onEngines(engines, tasks, measure),
  );
  const { titles } = evaluations[dataset.target];
  const overlap = test.length / train.length;
  const results = resultsOf(measured, titles);
  const resultOf = (name: TunedContender) =>
    required(
      results.find(({ contender }) => contender === name),
      name,
    );
  const tunedOnes = results.filter(({ contender }) => contender !== 'frozen');
  return {
    target: dataset.target,
    dataset: dataset.name,
    examples: { training: train.length, test: test.length },
    labels: labels.length,
    ...{ seeds, results, split: marksTest(dataset) ? 'marked' : 'drawn' },
    tuned: itemAt(tuning.candidates, -1).map(namePart),
    tuning: differencesOf(resultOf('tuned-joint'), resultOf('frozen'), titles, overlap),
    ...judge(tunedOnes, 'tuned-arl', titles, overlap),
  };
}

/** What tuned heads are trained on: trunks' features, and the blocks behind them. */
type Trunks = Pick<OpenTrunks, 'tails'> & { table: FeatureTable };

/** Cuts the encoders of the last candidate, and encodes the dataset with their trunks. */
async function encodeTrunks(
  encoders: Encoders,
  choice: TuningChoice,
  {
    dataset,
    pretrained,
    threads,
    extraction,
  }: { dataset: Dataset; pretrained: FeatureTable; threads: number; extraction: ExtractionOptions },
): Promise<Trunks> {
  const { provider } = encoders.provider;
  const { tails, encoders: withTrunks } = await withEngines({ provider, threads, trainings: 1 }, (engines) =>
    openTrunks(
      itemAt(engines, 0),
      { parts: itemAt(choice.candidates, -1), added: choice.added },
      { encoders, dataset, columns: pretrained.columns.map(({ modality }) => modality) },
    ),
  );
  return { tails, table: await extractFeatures(withTrunks, dataset, extraction) };
}

/**
 * Trains a head on the pretrained features, and goes on with its encoders' last blocks, or without them for as many steps:
 * equal budgets. Calibrated on a fifth of the training side.
 * @param trunks undefined where the encoders stay as they are
 * @throws whatever the training throws
 */
async function answersOfTuned(
  engine: Engine,
  pretrained: FeatureTable,
  trunks: Trunks | undefined,
  { train, test }: SplitRows,
  { groups, ...options }: TrainingOptions & { groups: readonly unknown[] },
): Promise<ItemProbabilities[]> {
  const recipe = await rankModalities([engine], pretrained, train, { ...options, groups });
  const fit = { ...options, recipe };
  const { table, tails } = trunks ?? { table: pretrained, tails: pretrained.columns.map(() => undefined) };
  const answers = async (split: SplitRows, calibration?: ReturnType<typeof calibrate>['calibration']) => {
    const from = await fitHead(engine, pretrained, split, fit);
    const tuned = await tuneOnRows(engine, table, split.train, { ...fit, tails, from, calibration });
    return answersOf(engine, tuned, table, split.test, options.signal);
  };
  const validation = splitForValidation(pretrained, train, {
    ...{ dealt: 5, heldOut: 1, seed: options.seed, groups },
  })?.[0];
  const heldOut = validation && {
    answers: await answers(validation),
    truth: selectTruths(table.truth, validation.test),
  };
  const modalities = table.columns.map(({ modality }) => modality);
  return answers({ train, test }, heldOut && calibrate(heldOut, modalities).calibration);
}
