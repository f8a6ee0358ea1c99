import pMap from 'p-map';
import type { Tails } from '../arl/tail.ts';
import type { Dataset } from '../datasets/example.ts';
import { groupTwins } from '../datasets/split/duplicates.ts';
import type { SplitRows } from '../datasets/split/split-rows.ts';
import type { Encoder } from '../encoders/encoder.ts';
import type { Encoders } from '../encoders/encoders.ts';
import type { PooledEncoder } from '../encoders/pooled-encoder.ts';
import { readSpecification } from '../encoders/specification.ts';
import { openTail } from '../encoders/tail.ts';
import { cutEncoder, keepTrunk } from '../encoders/trunk.ts';
import { TandemError } from '../errors.ts';
import { required } from '../indexing.ts';
import { pretrainedOf } from '../modalities/registry.ts';
import type { Engine } from '../runtime/engine.ts';
import { selectTruths } from '../targets/truth-table.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { type ExtractionOptions, extractFeatures } from './features/features.ts';
import type { CheckpointFolder } from './loop/checkpoints.ts';
import { answersOf, type FitOptions, type FittedHead, fitHead, type TrainedHead } from './loop/fit.ts';
import { stepCount } from './loop/recipe.ts';
import { tuneOnRows, tuningRecipe } from './loop/tune.ts';
import { calibrate } from './search/calibration.ts';
import { splitForValidation } from './search/cross-validation.ts';
import { type TuningGain, tuningGain } from './tuning-gain.ts';

/** Which blocks of the text encoder are trained with the head. */
export interface TuningChoice {
  /** The last so many. */
  blocks: number;
  /** The text encoder's folder. */
  encoder: string;
  /** The folder of added encoders, which the trunk goes into. */
  added: string;
}

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
  /** With the trunk in the place of the text encoder. */
  encoders: Encoders;
  calibration: FitOptions['calibration'];
  heldOut: TuningGain['heldOut'];
}

/** Lengths that texts are padded to: few, so that heads share trunks. */
const lengths = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512];
/** Of the training split a fifth tells whether tuning pays. */
const folds = 5;

/**
 * Trains the last blocks of the text encoder with a head that was trained on its features. A fifth of the training split
 * is held out first: where the tuned head does not make its truth likelier by more than chance explains, nothing comes of it.
 * @returns undefined where tuning does not pay; a note says so
 * @throws TandemError `invalid-recipe` where the encoder cannot be cut there; whatever the training throws
 */
export async function tuneHead(engine: Engine, work: TuningWork): Promise<TunedHead | undefined> {
  const { table: pretrained, split, encoders, onNote, frozen } = work;
  const m = pretrained.columns.findIndex(({ modality }) => modality === 'text');
  if (m < 0)
    throw new TandemError('invalid-recipe', 'tune: no example has a text', {
      fix: 'Leave --tune out.',
    });
  const validation = splitForValidation(pretrained, split.train, {
    ...{ dealt: folds, heldOut: 1, seed: work.seed, groups: groupTwins(work.dataset.examples) },
  })?.[0];
  if (!validation || validation.test.length < 2) {
    onNote?.('Too few examples to tell whether tuning pays: the head keeps the pretrained encoder.');
    return undefined;
  }
  const opened = await openTrunk(engine, work);
  const tails: Tails = pretrained.columns.map((_, column) => (column === m ? opened.tail : undefined));
  const withTrunk = {
    ...encoders,
    byModality: { ...encoders.byModality, text: opened.trunk },
  };
  const table = await extractFeatures(withTrunk, work.dataset, work.extraction);
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
    ...{ table, encoders: withTrunk, calibration, heldOut: gain.heldOut },
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

/** Cuts the text encoder for the longest text of the dataset, and keeps the part that stays as it is. */
async function openTrunk(
  engine: Engine,
  { choice, encoders, dataset }: TuningWork,
): Promise<{ trunk: PooledEncoder; tail: NonNullable<Tails[number]> }> {
  const longest = await longestText(encoders.byModality.text, dataset);
  const tokens = lengths.find((length) => length >= longest) ?? longest;
  const cut = await cutEncoder({ folder: choice.encoder, blocks: choice.blocks, tokens });
  const { tail, width } = await openTail(engine, cut);
  const folder = await keepTrunk(cut, width, choice.added);
  const { fingerprint } = await readSpecification(folder);
  return { trunk: required(await encoders.find(fingerprint), 'the trunk'), tail };
}

async function longestText(encoder: Encoder, { examples }: Dataset): Promise<number> {
  const { inputOf, shapeOf } = pretrainedOf('text');
  const texts = new Set(examples.flatMap(({ content }) => content.text ?? []));
  const counts = await pMap(
    texts,
    async (text) => {
      const prepared = await encoder.prepare(inputOf(text), { mayWait: true });
      return Number(shapeOf?.(prepared) ?? 0);
    },
    { concurrency: 64 },
  );
  return counts.reduce((most, count) => Math.max(most, count), 1);
}
