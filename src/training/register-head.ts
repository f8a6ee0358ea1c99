import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hashInNoOrder } from '../datasets/dataset.ts';
import type { Dataset } from '../datasets/example.ts';
import type { SplitRows } from '../datasets/split/split-rows.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { TandemError } from '../errors.ts';
import { measureAnswers } from '../evaluation/answers.ts';
import { companionFile } from '../heads/companions.ts';
import { describeFitted } from '../heads/fitted.ts';
import { describeEncoders } from '../heads/head-encoders.ts';
import { type HeadManifest, headFiles, headManifestSchema } from '../heads/manifest.ts';
import { writeNeighbours } from '../heads/neighbours.ts';
import type { HeadVersion } from '../heads/registry/head-reading.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import type { MakingJob } from '../heads/registry/register-version.ts';
import { type TrainingRow, writeTrainingRows } from '../heads/training-rows.ts';
import { itemAt, required, valueFor } from '../indexing.ts';
import { contentId } from '../modalities/content.ts';
import { isFitted } from '../modalities/registry.ts';
import { issuesInOneLine } from '../schema-words.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { retryWhileAway } from '../store/retry-while-away.ts';
import { selectTruths } from '../targets/truth-table.ts';
import type { ComparedTables } from './compared-tables.ts';
import type { CompanionColumn, FeatureTable } from './features/feature-table.ts';
import type { FittedHead, TrainedHead } from './loop/fit.ts';
import type { Recipe } from './loop/recipe.ts';
import type { NearDuplicate } from './near-duplicates.ts';
import { neighboursOf } from './neighbour-rows.ts';
import { calibrateReliance, whyNoneAccepted } from './reliance.ts';
import type { WriteReport } from './report-input.ts';
import type { RecipeSearch } from './search/recipe-search.ts';
import type { HeadThresholds } from './search/thresholds.ts';

/** A head that was trained and measured on the test rows, and all that is to be told of it. */
export interface HeadToRegister {
  name: string;
  dataset: Dataset;
  table: FeatureTable;
  split: SplitRows;
  fitted: FittedHead;
  /** The head that is served instead of the measured one: trained on both sides. */
  refit?: TrainedHead;
  /** The table as the served head takes it, where that is another one than the measured head's. */
  served?: FeatureTable;
  recipe: Recipe;
  search?: RecipeSearch;
  /** How its answers are weighed. */
  calibration?: HeadManifest['calibration'];
  /** The head that its training started from. */
  startedFrom?: HeadManifest['training']['startedFrom'];
  /** Of any of several labels: from which probability each is given. */
  thresholds?: HeadThresholds;
  /** What alike rows are found by. */
  compared: ComparedTables;
  /** How its encoder was tuned. */
  tuning?: HeadManifest['training']['tuning'];
  seed: number;
  /** The share of right answers that is wished for among those accepted. */
  acceptAccuracy?: number;
  encoders: Encoders;
  /** What each part of it took. */
  seconds: HeadManifest['training']['seconds'];
  /** Undefined where there were too many rows to look for them. */
  nearDuplicates?: readonly NearDuplicate[];
  /** What was said so far of the dataset and its training. */
  notes: readonly string[];
}

export interface RegistrationOptions {
  writeReport: WriteReport;
  /** What it is the work of, which makes no second version. */
  job?: MakingJob;
  signal?: AbortSignal;
  onNote?(note: string): void;
}

/** Milliseconds for which a registration is tried again while the store is away. */
const patience = 120_000;

/**
 * Measures a trained head, writes its files and takes them into the registry as the next version. While the store is away
 * it tries again for two minutes: what was trained is worth the wait.
 * @throws TandemError `training-failed` where a figure is no finite number, `storage-unavailable`; whatever the job throws
 */
export async function registerHead(
  registry: HeadRegistry,
  head: HeadToRegister,
  { writeReport, job, signal, onNote }: RegistrationOptions,
): Promise<HeadVersion> {
  const { name, dataset, fitted } = head;
  const { test } = head.split;
  const truth = selectTruths(head.table.truth, test);
  const drawn = describe(head);
  const { measured, served: comparable } = head.compared;
  const trained = trainedRows(head);
  const neighbours = await neighboursOf(comparable, dataset, trained, signal);
  const reliance = await calibrateReliance(
    {
      head: drawn,
      table: measured,
      test,
      answers: fitted.answers,
      neighbours:
        measured === comparable ? neighbours : await neighboursOf(measured, dataset, trained, signal),
      isTraining: trainingSide(head),
    },
    head.acceptAccuracy,
  );
  const note = whyNoneAccepted(reliance, head.acceptAccuracy);
  if (note !== undefined) onNote?.(note);
  const described = { ...drawn, ...reliance };
  const metrics = measureAnswers(fitted.answers, truth, described);
  const records = rowsOf(head);
  const write = async (folder: string, version: number) => {
    const weightsFile = path.join(folder, headFiles.weights);
    const { weights: served, companions } = head.refit ?? fitted;
    await writeFile(weightsFile, served);
    const weights = await sha256OfFile(weightsFile);
    const manifest: HeadManifest = { ...described, version, metrics, weights };
    await writeFile(path.join(folder, headFiles.manifest), textOf(manifest));
    await writeTrainingRows(path.join(folder, headFiles.rows), records);
    for (const { modality, fitted } of companions)
      if (fitted && !isFitted(modality)) await writeFile(path.join(folder, companionFile(modality)), fitted);
    if (neighbours) await writeNeighbours(path.join(folder, headFiles.neighbours), neighbours);
    const examples = test.map((row, index) => ({
      ...itemAt(dataset.examples, row),
      probabilities: itemAt(fitted.answers, index),
    }));
    const exampleOf = new Map(examples.map((example, index) => [itemAt(test, index), example]));
    await writeReport(path.join(folder, headFiles.report), {
      manifest,
      history: fitted.history,
      test: examples,
      truth,
      notes: [...head.notes],
      nearDuplicates: head.nearDuplicates?.map((twin) => ({
        test: valueFor(exampleOf, twin.test),
        train: itemAt(dataset.examples, twin.train),
        similarity: twin.similarity,
      })),
    });
  };
  return retryWhileAway(() => registry.register(name, write, { origin: 'trained', job }), {
    patience,
    signal,
  });
}

/** The rows that the served head was trained on, as their places in the data set. */
function trainedRows({ split, refit }: HeadToRegister): number[] {
  return refit ? [...split.train, ...split.test] : split.train;
}

/** Whether the row of a number is on the training side. */
function trainingSide({ split, dataset }: HeadToRegister): (row: number) => boolean {
  const rows = new Set(split.train.map((place) => itemAt(dataset.examples, place).row));
  return (row) => rows.has(row);
}

/** What became of each row, in their order. */
function rowsOf({ dataset, table, split, fitted }: HeadToRegister): TrainingRow[] {
  const modalities = table.columns.map(({ modality }) => modality);
  const recordOf = (index: number) => {
    const { row, content } = itemAt(dataset.examples, index);
    return { id: contentId(content, modalities), row };
  };
  return [
    ...split.train.map((index): TrainingRow => ({ ...recordOf(index), split: 'train' })),
    ...split.test.map(
      (index, place): TrainingRow => ({
        ...recordOf(index),
        split: 'test',
        answer: itemAt(fitted.answers, place),
      }),
    ),
  ].sort((a, b) => a.row - b.row);
}

/**
 * The text of head.json, which is sure to be read again.
 * @throws TandemError `training-failed` where a figure is no finite number
 */
function textOf(manifest: HeadManifest): string {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const { error } = headManifestSchema.safeParse(JSON.parse(text));
  if (error)
    throw new TandemError(
      'training-failed',
      `what came out of it is no head, so none was registered: ${issuesInOneLine(error, 'head.json')}`,
    );
  return text;
}

function describeCompanion({ id, dimension, fitted }: CompanionColumn) {
  return { id, dimension, fingerprint: hash('sha256', required(fitted, `what makes ${id} features`)) };
}

/** The manifest, but for what the registry and the measurement add. */
function describe({
  name,
  dataset,
  table,
  split: { train, test },
  fitted: { companions: ofMeasured, scaling },
  served = table,
  refit,
  recipe,
  search,
  calibration,
  thresholds,
  tuning,
  startedFrom,
  seed,
  encoders,
  seconds,
}: HeadToRegister): Omit<HeadManifest, 'version' | 'metrics' | 'weights'> {
  const { companions } = refit ?? { companions: ofMeasured };
  return {
    format: 1,
    name,
    createdAt: new Date().toISOString(),
    target: dataset.target,
    labels: dataset.labels,
    thresholds: thresholds?.fused,
    unimodalThresholds: thresholds?.unimodal,
    encoders: served.columns.map(({ modality, fitted }, m) => {
      if (isFitted(modality)) return describeFitted(modality, fitted);
      const beside = companions.find((column) => column.modality === modality);
      return {
        ...describeEncoders(encoders.byModality[modality]),
        companion: beside && describeCompanion(beside),
        embeddingDimension: tuning?.blocks[modality] && itemAt(scaling, m).mean.length,
      };
    }),
    training: {
      dataset: dataset.name,
      datasetHash: dataset.hash,
      testHash: hashInNoOrder(test.map((row) => itemAt(dataset.examples, row))),
      examples: { training: train.length, test: test.length },
      refit: refit && { examples: train.length + test.length },
      seed,
      provider: encoders.provider.provider,
      seconds,
      recipe: { ...recipe },
      search: search?.report,
      ...{ startedFrom, tuning },
    },
    calibration,
  };
}
