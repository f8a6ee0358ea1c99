import type { Dataset } from '../datasets/example.ts';
import { groupTwins } from '../datasets/split/duplicates.ts';
import type { SplitRows } from '../datasets/split/split-rows.ts';
import type { Encoders } from '../encoders/encoders.ts';
import type { Engine } from '../runtime/engine.ts';
import { selectTruths } from '../targets/truth-table.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { type ExtractionOptions, extractFeatures } from './features/features.ts';
import type { CheckpointFolder } from './loop/checkpoints.ts';
import { answersOf, type FitOptions, type FittedHead, fitHead, type TrainedHead } from './loop/fit.ts';
import { stepCount } from './loop/recipe.ts';
import { tuneOnRows, tuningRecipe } from './loop/tune.ts';
import { openTrunks, type TuningChoice } from './open-trunks.ts';
import { calibrate } from './search/calibration.ts';
import { splitForValidation } from './search/cross-validation.ts';
import { type TuningGain, tuningGain } from './tuning-gain.ts';

/** Everything that a tuning rests on. */
export interface TuningWork extends FitOptions {
  choice: TuningChoice;
  encoders: Encoders;
  dataset: Dataset;
  /** Features of the pretrained encoders. */
  table: FeatureTable;
  split: SplitRows;
  extraction: ExtractionOptions;
  /** The heads that were trained on the pretrained features: on the training split, and on all rows. */
  frozen: { fitted: FittedHead; refit?: TrainedHead };
  /** Where the states of its trainings are kept. */
  checkpoints?: CheckpointFolder;
  onNote?(note: string): void;
}

/** What tuning made of a head, in the place of what it was before. */
export interface TunedHead {
  fitted: FittedHead;
  refit?: TrainedHead;
  table: FeatureTable;
  /** With trunks in the place of those that are tuned. */
  encoders: Encoders;
  calibration: FitOptions['calibration'];
  heldOut: TuningGain['heldOut'];
}

/** Of the training split a fifth tells whether tuning pays. */
const folds = 5;

/**
 * Trains the last blocks of encoders with a head that was trained on their features. A fifth of the training split
 * is held out first: where the tuned head does not make its truth likelier by more than chance explains, nothing comes of it.
 * @returns undefined where tuning does not pay; a note says so
 * @throws TandemError `invalid-recipe` where an encoder cannot be cut there; whatever the training throws
 */
export async function tuneHead(engine: Engine, work: TuningWork): Promise<TunedHead | undefined> {
  const { table: pretrained, split, encoders, onNote, frozen } = work;
  const validation = splitForValidation(pretrained, split.train, {
    ...{ dealt: folds, heldOut: 1, seed: work.seed, groups: groupTwins(work.dataset.examples) },
  })?.[0];
  if (!validation || validation.test.length < 2) {
    onNote?.('Too few examples to tell whether tuning pays: the head keeps the pretrained encoder.');
    return undefined;
  }
  const { tails, encoders: withTrunks } = await openTrunks(engine, work.choice, {
    ...{ encoders, dataset: work.dataset, columns: pretrained.columns.map(({ modality }) => modality) },
  });
  const table = await extractFeatures(withTrunks, work.dataset, work.extraction);
  const rows = [...split.train, ...split.test].sort((a, b) => a - b);
  const progress = progressOver(work, [validation.train, split.train, ...(frozen.refit ? [rows] : [])]);
  const tune: Tune = (name, rows, options) =>
    tuneOnRows(engine, table, rows, {
      ...{ ...fitOf(work, name), tails, onProgress: progress(rows) },
      ...options,
    });
  const { gain, calibration } = await measure(engine, { work, table, validation, tune });
  const figures = describeGain(gain);
  if (!gain.pays) {
    onNote?.(`Tuning does not pay (${figures}): the head keeps the pretrained encoder.`);
    return undefined;
  }
  onNote?.(`Tuning pays: ${figures}.`);
  const trained = await tune('tune', split.train, { from: frozen.fitted, calibration });
  const answers = await answersOf(engine, trained, table, split.test, work.signal);
  return {
    fitted: { ...trained, answers },
    refit: frozen.refit && (await tune('tune-refit', rows, { from: frozen.refit, calibration })),
    ...{ table, encoders: withTrunks, calibration, heldOut: gain.heldOut },
  };
}

/** Goes on with a head on some rows. @param name tells the trainings of a fine-tuning apart */
type Tune = (
  name: string,
  rows: readonly number[],
  options: { from: TrainedHead; calibration?: FitOptions['calibration'] },
) => Promise<TrainedHead>;

/** What its trainings share, and where the state of one is kept. */
function fitOf({ classes, recipe, seed, signal, checkpoints }: TuningWork, name: string): FitOptions {
  return { classes, recipe, seed, signal, checkpoint: checkpoints?.stage(name) };
}

/** Tells of several trainings as of one: the steps of those before count as taken. */
function progressOver({ recipe, onProgress }: TuningWork, trainings: readonly (readonly number[])[]) {
  const steps = trainings.map((rows) => stepCount(tuningRecipe(recipe), rows.length));
  const total = sum(steps);
  return (rows: readonly number[]): FitOptions['onProgress'] => {
    const before = sum(steps.slice(0, trainings.indexOf(rows)));
    return (progress) => onProgress?.({ ...progress, done: before + progress.done, total });
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** Trains both heads on one side of a split, and asks them about the other, each with a calibration of its own. */
async function measure(
  engine: Engine,
  {
    work,
    table,
    validation,
    tune,
  }: { work: TuningWork; table: FeatureTable; validation: SplitRows; tune: Tune },
) {
  const truth = selectTruths(table.truth, validation.test);
  const modalities = table.columns.map(({ modality }) => modality);
  const frozen = await fitHead(engine, work.table, validation, fitOf(work, 'tune-baseline'));
  const tuned = await tune('tune-measured', validation.train, { from: frozen });
  const answers = await answersOf(engine, tuned, table, validation.test, work.signal);
  const before = calibrate({ answers: frozen.answers, truth }, modalities);
  const after = calibrate({ answers, truth }, modalities);
  return { gain: tuningGain(before.losses, after.losses), calibration: after.calibration };
}

function describeGain({ heldOut: { frozen, tuned }, difference: { mean, margin } }: TuningGain): string {
  const interval = `${(mean - margin).toFixed(4)} to ${(mean + margin).toFixed(4)}`;
  return `held-out loss ${tuned.toFixed(4)} tuned, ${frozen.toFixed(4)} on the pretrained features, difference ${interval}`;
}
