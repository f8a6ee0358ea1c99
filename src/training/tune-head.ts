import type { Tails } from '../arl/tail.ts';
import type { Dataset } from '../datasets/example.ts';
import { groupTwins } from '../datasets/split/duplicates.ts';
import type { SplitRows } from '../datasets/split/split-rows.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { TandemError } from '../errors.ts';
import { mean } from '../evaluation/paired-difference.ts';
import { required } from '../indexing.ts';
import type { Engine } from '../runtime/engine.ts';
import { selectTruths } from '../targets/truth-table.ts';
import { namePart } from './choices.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { type ExtractionOptions, extractFeatures } from './features/features.ts';
import type { CheckpointFolder } from './loop/checkpoints.ts';
import { answersOf, type FitOptions, type FittedHead, fitHead, type TrainedHead } from './loop/fit.ts';
import { stepCount } from './loop/recipe.ts';
import { tuneOnRows, tuningOptions, tuningRecipe } from './loop/tune.ts';
import { checkTuningMemory, type TuningBatches, tuningMemory } from './loop/tuning-batches.ts';
import { type OpenTrunks, openTrunks, type TunedBlocks, type TuningChoice } from './open-trunks.ts';
import { calibrate } from './search/calibration.ts';
import { splitForValidation } from './search/cross-validation.ts';
import { thresholdsFor } from './search/recipe-search.ts';
import type { HeadThresholds } from './search/thresholds.ts';
import { type TuningGain, tuningGain } from './tuning-gain.ts';

/** Everything that a tuning rests on. */
export interface TuningWork extends FitOptions {
  choice: TuningChoice & TuningBatches;
  /** What the blocks' learning rates are multiplied by: all are tried. */
  rateFactors: readonly number[];
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
  /** Of any of several labels: from which probability each is given. */
  thresholds?: HeadThresholds;
  heldOut: TuningGain['heldOut'];
  /** The candidate that was taken. */
  parts: readonly TunedBlocks[];
}

/** Of the training split a fifth tells whether tuning pays. */
const folds = 5;

/**
 * Trains the last blocks of encoders with a head that was trained on their features. A fifth of the training split is held
 * out first, and every candidate is tried with every learning rate: where the best one does not make the held-out truth
 * likelier by more than chance explains, nothing comes of it.
 * @returns undefined where tuning does not pay; a note says so
 * @throws TandemError `invalid-recipe` where an encoder cannot be cut there; whatever the training throws
 */
export async function tuneHead(engine: Engine, work: TuningWork): Promise<TunedHead | undefined> {
  const { table: pretrained, split, onNote, frozen } = work;
  const validation = splitForValidation(pretrained, split.train, {
    ...{ dealt: folds, heldOut: 1, seed: work.seed, groups: groupTwins(work.dataset.examples) },
  })?.[0];
  if (!validation || validation.test.length < 2) {
    onNote?.('Too few examples to tell whether tuning pays: the head keeps the pretrained encoder.');
    return undefined;
  }
  const rows = [...split.train, ...split.test].sort((a, b) => a - b);
  const { candidates } = work.choice;
  const progress = progressOver(work, [
    ...candidates.flatMap(() => work.rateFactors.map(() => validation.train)),
    split.train,
    ...(frozen.refit ? [rows] : []),
  ]);
  const tune: Tune = (name, opened, rows, options) =>
    tuneOnRows(engine, opened.table, rows, {
      ...{ ...fitOf(work, name), tails: opened.tails, batches: work.choice, onProgress: progress(rows) },
      ...options,
    });
  const tried = await tryAll(engine, { work, validation, tune });
  const gain = judge(tried, onNote);
  if (!gain) return undefined;
  const { best, calibration } = tried;
  const { opened, rateFactor } = required(best, 'the best candidate');
  const options = { rateFactor, calibration };
  const trained = await tune('tune', opened, split.train, { ...options, from: frozen.fitted });
  const answers = await answersOf(engine, trained, opened.table, split.test, work.signal);
  return {
    fitted: { ...trained, answers },
    refit: frozen.refit && (await tune('tune-refit', opened, rows, { ...options, from: frozen.refit })),
    ...{ parts: opened.parts, table: opened.table, encoders: opened.encoders },
    ...{ calibration, thresholds: tried.thresholds, heldOut: gain.heldOut },
  };
}

/** Says what a training takes. @throws TandemError `invalid-recipe` where that is too much */
function memoryOf(work: TuningWork, tails: Tails): string {
  const { table, choice, recipe, frozen } = work;
  const memoryWith = (batches: TuningBatches) =>
    tuningMemory(
      table,
      tuningOptions({ ...fitOf(work, ''), tails, batches, from: frozen.fitted }, table.strata.length),
    );
  const { batchSize } = tuningRecipe(recipe, choice);
  return checkTuningMemory(memoryWith, { batchSize: Math.min(batchSize, table.strata.length) }, choice);
}

/** Goes on with a head on some rows. @param name tells the trainings of a fine-tuning apart */
type Tune = (
  name: string,
  opened: OpenCandidate,
  rows: readonly number[],
  options: { from: TrainedHead; rateFactor: number; calibration?: FitOptions['calibration'] },
) => Promise<TrainedHead>;

/** A candidate with the features that its trunks give. */
type OpenCandidate = OpenTrunks & { parts: readonly TunedBlocks[]; table: FeatureTable };

/** What its trainings share, and where the state of one is kept. */
function fitOf({ classes, recipe, seed, signal, checkpoints }: TuningWork, name: string): FitOptions {
  return { classes, recipe, seed, signal, checkpoint: checkpoints?.stage(name) };
}

/** Tells of several trainings as of one: the steps of those before count as taken. */
function progressOver({ recipe, choice, onProgress }: TuningWork, trainings: readonly (readonly number[])[]) {
  const steps = trainings.map((rows) => stepCount(tuningRecipe(recipe, choice), rows.length));
  const total = sum(steps);
  let next = 0;
  return (rows: readonly number[]): FitOptions['onProgress'] => {
    const own = trainings.indexOf(rows, next);
    const before = sum(steps.slice(0, own));
    next = own + 1;
    return (progress) => onProgress?.({ ...progress, done: before + progress.done, total });
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** What came of all candidates. */
interface Tried {
  /** Losses on the held-out examples: of the head on the pretrained features, and of the best candidate. */
  frozen: readonly number[];
  best?: { opened: OpenCandidate; rateFactor: number; losses: readonly number[] };
  calibration?: FitOptions['calibration'];
  thresholds?: HeadThresholds;
  /** Mean loss of each, by what was tuned and the learning rates. */
  losses: readonly { name: string; loss: number }[];
}

/** Trains the frozen head and all candidates on one side of a split, and asks them about the other, each calibrated. */
async function tryAll(
  engine: Engine,
  { work, validation, tune }: { work: TuningWork; validation: SplitRows; tune: Tune },
): Promise<Tried> {
  const truth = selectTruths(work.table.truth, validation.test);
  const modalities = work.table.columns.map(({ modality }) => modality);
  const from = await fitHead(engine, work.table, validation, fitOf(work, 'tune-baseline'));
  let tried: Tried = { frozen: calibrate({ answers: from.answers, truth }, modalities).losses, losses: [] };
  for (const [index, parts] of work.choice.candidates.entries()) {
    const opened = await openCandidate(engine, work, parts);
    if (!opened) continue;
    for (const rateFactor of work.rateFactors) {
      const stage = ['tune-measured', index, rateFactor].join('-');
      const tuned = await tune(stage, opened, validation.train, { from, rateFactor });
      const answers = await answersOf(engine, tuned, opened.table, validation.test, work.signal);
      const { losses, calibration } = calibrate({ answers, truth }, modalities);
      const isBest = !tried.best || mean(losses) < mean(tried.best.losses);
      tried = {
        ...tried,
        ...(isBest && {
          best: { opened, rateFactor, losses },
          ...{ calibration, thresholds: thresholdsFor({ answers, truth }, modalities, calibration) },
        }),
        losses: [...tried.losses, { name: describeTrial(opened, rateFactor), loss: mean(losses) }],
      };
    }
  }
  return tried;
}

/** Where candidates are tried of themselves, undefined of an encoder that cannot be cut; a note says so. */
async function openCandidate(
  engine: Engine,
  work: TuningWork,
  parts: readonly TunedBlocks[],
): Promise<OpenCandidate | undefined> {
  const { choice, encoders, dataset, table: pretrained, extraction, onNote } = work;
  const columns = pretrained.columns.map(({ modality }) => modality);
  try {
    const opened = await openTrunks(engine, { parts, added: choice.added }, { encoders, dataset, columns });
    onNote?.(memoryOf(work, opened.tails));
    return { ...opened, parts, table: await extractFeatures(opened.encoders, dataset, extraction) };
  } catch (error) {
    if (!choice.isAutomatic || !(error instanceof TandemError) || error.code !== 'invalid-recipe')
      throw error;
    onNote?.(error.message);
    return undefined;
  }
}

/** Says what came of the candidates. @returns the gain of the best one, where it pays */
function judge({ frozen, best, losses }: Tried, onNote?: (note: string) => void): TuningGain | undefined {
  const kept = 'the head keeps the pretrained encoder';
  if (!best) {
    onNote?.(`No encoder can be tuned: ${kept}.`);
    return undefined;
  }
  const gain = tuningGain(frozen, best.losses, losses.length);
  const { heldOut, difference } = gain;
  const interval = [difference.mean - difference.margin, difference.mean + difference.margin]
    .map((bound) => bound.toFixed(4))
    .join(' to ');
  const figures = `held-out loss ${heldOut.tuned.toFixed(4)} tuned, ${heldOut.frozen.toFixed(4)} on the pretrained features, difference ${interval}`;
  const all = losses.map(({ name, loss }) => `${name} ${loss.toFixed(4)}`).join(', ');
  const others = losses.length > 1 ? ` Tried: ${all}.` : '';
  onNote?.(
    gain.pays
      ? `Tuning pays: ${describeTrial(best.opened, best.rateFactor)}, ${figures}.${others}`
      : `Tuning does not pay (${figures}): ${kept}.${others}`,
  );
  return gain.pays ? gain : undefined;
}

function describeTrial({ parts, tails }: OpenCandidate, rateFactor: number): string {
  const rates = tails.flatMap((tail) => (tail ? [(rateFactor * tail.learningRate).toPrecision(1)] : []));
  return `${parts.map(namePart).join(' and ')} at ${[...new Set(rates)].map(Number).join(' and ')}`;
}
