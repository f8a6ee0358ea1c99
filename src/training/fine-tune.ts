import { type Strategy, strategies } from '../arl/strategy.ts';
import type { Dataset } from '../datasets/example.ts';
import { groupTwins } from '../datasets/split/duplicates.ts';
import { noteSplit, type SplitChoice, splitRows } from '../datasets/split/split-rows.ts';
import { modalitiesIn, withModality } from '../datasets/with-modality.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { TandemError } from '../errors.ts';
import { checkHeadName } from '../heads/registry/head-name.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import type { MakingJob } from '../heads/registry/register-version.ts';
import { Engine } from '../runtime/engine.ts';
import { targets } from '../targets/targets.ts';
import { checkpointsOf } from './checkpoints-of.ts';
import { openCompared } from './compared-tables.ts';
import { withCompanions } from './features/companion-columns.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { type ExtractionOptions, extractFeatures } from './features/features.ts';
import { fittedTo } from './features/fitted-columns.ts';
import { licenseNotes } from './license-notes.ts';
import type { WrittenCheckpoint } from './loop/checkpoints.ts';
import { type FitOptions, type FittedHead, fitHead, trainOnRows } from './loop/fit.ts';
import { checkRecipe, type Recipe, recipeFor } from './loop/recipe.ts';
import { withEngines } from './loop/side-by-side.ts';
import type { TuningBatches } from './loop/tuning-batches.ts';
import { nearDuplicates } from './near-duplicates.ts';
import type { TuningChoice } from './open-trunks.ts';
import type { TrainingProgress, TrainingSummary } from './progress.ts';
import { type HeadToRegister, registerHead } from './register-head.ts';
import type { WriteReport } from './report-input.ts';
import { rankModalities } from './search/modality-ranking.ts';
import { calibrateStart, searchRecipe } from './search/recipe-search.ts';
import { describeStart } from './start-curve.ts';
import { readSummary } from './summary.ts';
import { type TuningWork, tuneHead } from './tune-head.ts';
import { openStart, type StartHead } from './zero-shot/start.ts';

/** Of the blocks' learning rates, where they are searched for. */
const searchedFactors = [1, 3];

/** What a person may ask of the training of a head. */
export interface HeadTraining extends SplitChoice {
  /** Name of the head; one that exists gets its next version. */
  head: string;
  /** Decides split, starting values, order and dropout; 0 by default. */
  seed?: number;
  /**
   * Whether cross-validation on the training split chooses what the recipe leaves open, and calibrates the predictions;
   * true by default.
   */
  search?: boolean;
  /**
   * Whether the served head is trained on every row once it is measured; true by default where the dataset has no split of
   * its own. The figures are those of the head that never saw the test side.
   */
  refit?: boolean;
  /**
   * The share of right answers that is wished for among those that are accepted, 0 to 1: answers then say whether they
   * are. The threshold is found on the held-out rows.
   */
  acceptAccuracy?: number;
  /**
   * A folder that this training has to itself: it keeps its state there, the same call resumes from it after an
   * interruption, and it is removed when the head is registered.
   */
  checkpoints?: string;
}

export interface FineTuneOptions extends HeadTraining {
  dataset: Dataset;
  /** Folder of the features that earlier jobs left, and of what this one leaves. */
  featureCache?: string;
  /** What differs from the default recipe for the number of examples. */
  recipe?: Partial<Recipe>;
  /** The head of label names to start from; its encoders are those of the training. */
  startFrom?: StartHead;
  /** The blocks of encoders to train with the head; none by default. */
  tuning?: TuningChoice & TuningBatches;
  /** Threads that ONNX Runtime trains on; 0 leaves the number to it. */
  threads: number;
  writeReport: WriteReport;
  /** The job that this is the work of. */
  job?: MakingJob;
  signal?: AbortSignal;
  /** Told what a person may want to know and need not do anything about, beside the dataset's own notes. */
  onNote?(note: string): void;
  /** Told of each checkpoint that is on the disk. */
  onCheckpoint?(written: WrittenCheckpoint): void;
  onProgress?(progress: TrainingProgress): void;
}

/**
 * The whole way from a dataset to a registered head: encode it, train on the training split, measure on the test split
 * (read here, once, at the end), train anew on every row, write the report, register the version.
 * @throws TandemError `invalid-request` (the head's name), `invalid-dataset`, `invalid-recipe`, `job-cancelled`, `training-failed`
 * @example
 * const { version, metrics } = await fineTune(encoders, registry, { dataset: await readDataset('pets'), head: 'pets', … });
 */
export async function fineTune(
  encoders: Encoders,
  registry: HeadRegistry,
  options: FineTuneOptions,
): Promise<TrainingSummary> {
  const { seed = 0, search: isSearched = true, signal, onProgress } = options;
  const started = performance.now();
  checkChoices(options);
  const modality = options.recipe?.modality;
  const dataset = modality ? withModality(options.dataset, modality) : options.dataset;
  const { notes, onNote } = takeNotes(encoders, dataset, options);
  const split = splitRows(dataset, { ...options, seed });
  const { train, test } = split;
  const table = await encode(encoders, dataset, train, options);
  const encoded = performance.now();

  const { provider } = encoders.provider;
  const checkpoints = checkpointsOf(encoders, options, { train });
  const classes = dataset.labels.length;
  const start = options.startFrom && (await openStart(encoders, options.startFrom, dataset, signal));
  const recipe = await completeRecipe(table, train, { ...options, onNote, seed, classes, provider });
  const search = isSearched
    ? await searchRecipe(table, train, {
        classes,
        recipe,
        seed,
        groups: groupTwins(dataset.examples),
        provider,
        threads: options.threads,
        ...{ signal, checkpoints, start },
        onProgress: (done, total) => onProgress?.({ stage: 'search', done, total }),
      })
    : undefined;
  if (isSearched && !search) onNote(notSearched(train.length));
  const chosen = search?.recipe ?? recipe;
  const engine = Engine.start({ provider, threads: options.threads });
  try {
    const groups = groupTwins(dataset.examples);
    const common = { classes, recipe: chosen, seed, signal };
    const blended =
      start && !search ? await calibrateStart(engine, table, train, { ...common, start, groups }) : undefined;
    const { calibration, plain } = search ?? { calibration: blended?.blend, plain: blended?.plain };
    const fit: FitOptions = { ...common, calibration, prototypes: start?.prototypes };
    const work = { encoders, options: { ...options, dataset, onNote }, table, split, fit, checkpoints };
    const heads = await trainAll(engine, work);
    const tellStart = { ...common, start, groups, blend: calibration, plain };
    const startedFrom = await describeStart(engine, table, split, tellStart);
    const trained = performance.now();
    const twins = await nearDuplicates(engine, table, split);
    onProgress?.({ stage: 'evaluation', done: test.length, total: test.length });
    await using compared = await openCompared(engine, heads);
    const registered = await registerHead(
      registry,
      {
        name: options.head,
        ...{ dataset, table, split, search, seed, encoders, startedFrom },
        ...{ calibration, compared, thresholds: search?.thresholds, ...heads },
        recipe: asTrained(chosen, heads.fitted, onNote),
        seconds: {
          features: seconds(started, encoded),
          training: seconds(encoded, trained),
          total: seconds(started, performance.now()),
        },
        ...{ nearDuplicates: twins, notes, acceptAccuracy: options.acceptAccuracy },
      },
      { writeReport: options.writeReport, job: options.job, signal, onNote },
    );
    await checkpoints?.clear();
    return readSummary(registered);
  } finally {
    await engine.close();
  }
}

/**
 * Trains on the training split and, where that is asked for, on every row; then goes on with the encoder's last blocks where
 * that is.
 * @returns the heads, and what else tuning changes
 */
async function trainAll(
  engine: Engine,
  work: Pick<TuningWork, 'encoders' | 'table' | 'split'> & {
    options: FineTuneOptions;
    fit: FitOptions;
    checkpoints: ReturnType<typeof checkpointsOf>;
  },
): Promise<Partial<HeadToRegister> & Pick<HeadToRegister, 'table' | 'fitted'>> {
  const { options, fit, checkpoints, ...others } = work;
  const { table: pretrained, split } = others;
  const { tuning, dataset, onNote, onProgress } = options;
  const training = (progress: Omit<TrainingProgress, 'stage'>) =>
    onProgress?.({ stage: 'training', ...progress });
  const isRefit = shouldRefit(options);
  const rows = [...split.train, ...split.test].sort(byNumber);
  // Blocks that are tuned go on with the columns that they began with.
  const served = isRefit && !tuning ? fittedTo(pretrained, dataset, rows) : pretrained;
  const frozen = {
    table: pretrained,
    served,
    fitted: await fitHead(engine, pretrained, split, {
      ...{ ...fit, onProgress: training },
      checkpoint: checkpoints?.stage('final'),
    }),
    refit: isRefit
      ? await trainOnRows(engine, served, rows, {
          ...fit,
          checkpoint: checkpoints?.stage('refit'),
          onProgress: (progress) => onProgress?.({ stage: 'refit', ...progress }),
        })
      : undefined,
  };
  if (!tuning) return frozen;
  const tuned = await tuneHead(engine, {
    ...{ ...fit, ...others, dataset, frozen, checkpoints, onNote, choice: tuning },
    rateFactors: options.search === false ? [1] : searchedFactors,
    onProgress: (progress) => onProgress?.({ stage: 'tuning', ...progress }),
    extraction: extractionOf(options, split.train),
  });
  if (!tuned) return frozen;
  const { parts, table, fitted, refit, encoders, calibration, thresholds, heldOut } = tuned;
  const blocks = Object.fromEntries(
    parts.map(({ modality }) => [modality, encoders.byModality[modality][0].trunkOf?.blocks]),
  );
  const ranked = parts.flatMap(({ modality, rank }) => (rank ? [[modality, rank] as const] : []));
  const ranks = ranked.length > 0 ? { ranks: Object.fromEntries(ranked) } : {};
  return {
    ...{ table, fitted, refit, encoders, calibration, thresholds },
    tuning: { blocks, ...ranks, heldOut },
  };
}

/** The recipe that was asked for, complete, and with the modality that reaches most alone where its strategy needs it. */
async function completeRecipe(
  table: FeatureTable,
  train: readonly number[],
  {
    dataset,
    recipe: asked,
    provider,
    threads,
    onNote,
    tuning,
    ...options
  }: FineTuneOptions & { seed: number; classes: number; provider: Engine['provider'] },
): Promise<Recipe> {
  const recipe = {
    ...recipeFor(train.length, dataset.target),
    ...asked,
    // What characters say, the blocks learn.
    ...(tuning && { lexical: 'off' as const }),
  };
  const { isRanked }: Strategy = strategies[recipe.strategy];
  if (!isRanked) return recipe;
  const groups = groupTwins(dataset.examples);
  const ranked = await withEngines({ provider, threads, trainings: 3 }, (engines) =>
    rankModalities(engines, table, train, { ...options, recipe, groups }),
  );
  if (ranked.dominant === undefined)
    onNote?.(
      'Nothing to rank the modalities by (one modality, or too few examples): training as with the strategy joint.',
    );
  return ranked;
}

/** Says what is known before the training, and gathers what is said of it for the report. */
function takeNotes(
  { byModality }: Encoders,
  dataset: Dataset,
  options: FineTuneOptions,
): { notes: readonly string[]; onNote(note: string): void } {
  const notes = [...dataset.notes];
  const onNote = (note: string) => {
    notes.push(note);
    options.onNote?.(note);
  };
  const licenses = licenseNotes(Object.values(byModality).flat(), dataset);
  for (const note of [...noteSplit(dataset, options), ...licenses]) onNote(note);
  return { notes, onNote };
}

/** The recipe with `lexical` as it was trained. */
function asTrained(recipe: Recipe, { companions }: FittedHead, onNote: (note: string) => void): Recipe {
  if (companions.length > 0) return { ...recipe, lexical: 'on' };
  if (recipe.lexical === 'on')
    onNote('Too few texts to read characters from: the head takes the text encoder’s features alone.');
  return { ...recipe, lexical: 'off' };
}

function notSearched(examples: number): string {
  return `Too few examples (${examples}) to cross-validate: using the default recipe without calibration.`;
}

/** @throws TandemError `invalid-request` (the head's name), `invalid-recipe` */
function checkChoices(options: FineTuneOptions): void {
  const { head, recipe = {}, dataset, acceptAccuracy, tuning, startFrom } = options;
  checkHeadName(head);
  checkRecipe(recipe, { known: modalitiesIn(dataset), target: dataset.target });
  if (tuning && recipe.lexical === 'on')
    throw new TandemError('invalid-recipe', 'lexical: a tuned head reads no characters beside its encoder', {
      fix: 'Leave out either --lexical on or --tune.',
    });
  if (tuning && startFrom)
    throw new TandemError('invalid-recipe', 'startFrom: the blocks of an encoder are tuned without it', {
      fix: 'Leave out either --start-from or --tune.',
    });
  if (acceptAccuracy !== undefined && !targets[dataset.target].verdict)
    throw new TandemError(
      'invalid-recipe',
      'acceptAccuracy: numbers are not right or wrong; leave it out, they come with an interval',
    );
}

function byNumber(one: number, other: number): number {
  return one - other;
}

/** A test side that the dataset itself marks stays untouched unless asked for; it may be a benchmark's. */
function shouldRefit({ refit, dataset }: FineTuneOptions): boolean {
  return refit ?? dataset.examples.every(({ split }) => split === undefined);
}

/** The features of the data set, of the recipe's one modality where it names one. @throws TandemError `job-cancelled` */
async function encode(
  encoders: Encoders,
  dataset: Dataset,
  train: readonly number[],
  options: FineTuneOptions,
): Promise<FeatureTable> {
  const table = await extractFeatures(encoders, dataset, extractionOf(options, train));
  return { ...table, columns: withCompanions(table.columns, dataset) };
}

function extractionOf(
  { featureCache, recipe, signal, onProgress }: FineTuneOptions,
  train: readonly number[],
): ExtractionOptions {
  return {
    cache: featureCache,
    modalities: recipe?.modality && [recipe.modality],
    fitting: { rows: train },
    signal,
    onProgress: (done, total) => onProgress?.({ stage: 'features', done, total }),
  };
}

function seconds(from: number, to: number): number {
  return Math.round((to - from) / 10) / 100;
}
