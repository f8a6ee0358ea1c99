/**
 * The process that a job trains in: at lower priority, so that predictions go on; and a process of its own, so that
 * it can be stopped at any moment without taking the server along.
 */
import { mkdir, rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { DatasetCatalogue } from '../datasets/catalogue.ts';
import { readDataset } from '../datasets/dataset.ts';
import { nameOfFile } from '../datasets/dataset-name.ts';
import type { Dataset } from '../datasets/example.ts';
import type { DatasetPurpose } from '../datasets/read/reading.ts';
import { unpackUpload } from '../datasets/upload/unpack.ts';
import { type EncoderOptions, type Encoders, openEncoders } from '../encoders/encoders.ts';
import { installedEncoders } from '../encoders/places.ts';
import { encodersIn } from '../encoders/reference.ts';
import { TandemError } from '../errors.ts';
import { parseHeadManifest } from '../heads/head.ts';
import { HeadRegistry } from '../heads/registry/heads.ts';
import { oneOrMore } from '../indexing.ts';
import { pretrainedNames } from '../modalities/registry.ts';
import { writePredictions } from '../reports/prediction-rows.ts';
import { writeComparisonReport, writeEvaluationReport, writeReport } from '../reports/report.ts';
import { retryWhileAway } from '../store/retry-while-away.ts';
import { openStore, type Store } from '../store/store.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { compareStrategies } from '../training/compare.ts';
import { evaluateHead } from '../training/evaluate-head.ts';
import { noteTrainedOn } from '../training/evaluation.ts';
import { type FineTuneOptions, fineTune } from '../training/fine-tune.ts';
import type { TrainingProgress } from '../training/progress.ts';
import { tuningChoice } from '../training/tuning-choice.ts';
import { readStart } from '../training/zero-shot/start.ts';
import { describeFailure } from './failure.ts';
import { JobStore } from './job-store.ts';
import type { Ownership } from './ownership.ts';
import { SharedCheckpoints } from './shared-checkpoints.ts';
import {
  type JobTask,
  outcomeKey,
  predictionFormats,
  type TrainingMessage,
  type TrainingOrder,
  type TrainingPlace,
} from './task.ts';

/** Milliseconds for which what was found is tried to be kept while the store is away. */
const patience = 120_000;

const cancellation = new AbortController();
/** Whether another server is to resume. */
let isHandedOver = false;
/** Whether there is anything worth a moment's patience: before the training, a stop ends the process at once. */
let isTraining = false;

process.on('message', (order: TrainingOrder) => {
  if (order === 'cancel') cancellation.abort(new TandemError('job-cancelled', 'cancelled on request'));
  else if (order === 'hand-over') {
    isHandedOver = true;
    cancellation.abort(new TandemError('job-cancelled', 'the server stops'));
    if (!isTraining) end({ kind: 'handed-over' });
  } else
    run(order.start)
      .catch((error): TrainingMessage => ({ kind: 'failed', failure: describeFailure(error) }))
      .then(end);
});
// Without the server there is nobody to train for.
process.on('disconnect', () => process.exit(1));
// A terminal, or a service manager, signals the whole group: it is the server that says what is to become of the training.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

async function run({
  owner,
  task,
  place,
}: {
  owner: Ownership;
  task: JobTask;
  place: TrainingPlace;
}): Promise<TrainingMessage> {
  const store = await openStore(place.store);
  const registry = new HeadRegistry(store, place.shippedHeads);
  const purpose = 'evaluate' in task.work ? await measuring(registry, task.work.evaluate.head) : undefined;
  const dataset = await openSource(store, task, place, purpose);
  send({ kind: 'read' });
  for (const note of dataset.notes) sendNote(note);
  const encoders = await openEncoders(await chosenEncoders(place.encoders, task));
  const work: Work = {
    ...{ owner, place, store, registry, encoders },
    options: {
      dataset,
      featureCache: path.join(place.store.data, 'features'),
      ...task.split,
      threads: place.encoders.threads,
      signal: cancellation.signal,
      onNote: sendNote,
      onProgress: (progress: TrainingProgress) => send({ kind: 'progress', progress }),
    },
  };
  isTraining = true;
  if ('compare' in task.work) return compare(work, task.work.compare);
  if ('evaluate' in task.work) return evaluate(work, task.work.evaluate);
  return train(work, task.work);
}

/**
 * The encoders that a job requires; jobs of earlier releases take the server's.
 * @throws TandemError `unknown-encoder` where one was removed since the job was accepted
 */
async function chosenEncoders(options: EncoderOptions, { encoders = {} }: JobTask): Promise<EncoderOptions> {
  const installed = installedEncoders(options);
  const chosen = { ...options.encoders };
  for (const name of pretrainedNames) {
    const required = encoders[name];
    if (!required) continue;
    const folders: string[] = [];
    for (const { id, fingerprint } of encodersIn(required)) {
      const found = await installed.find(fingerprint);
      if (!found)
        throw new TandemError('unknown-encoder', `${id} (${fingerprint.slice(0, 12)}) is not here any more`);
      folders.push(found.folder);
    }
    chosen[name] = oneOrMore(folders);
  }
  return { ...options, encoders: chosen };
}

interface Work {
  owner: Ownership;
  place: TrainingPlace;
  store: Store;
  registry: HeadRegistry;
  encoders: Encoders;
  options: Pick<
    FineTuneOptions,
    'dataset' | 'featureCache' | 'testShare' | 'splitBy' | 'threads' | 'signal' | 'onNote' | 'onProgress'
  >;
}

/** Goes on with what an earlier owner's contenders gave. */
async function compare(work: Work, count: number): Promise<TrainingMessage> {
  const { owner, place, encoders, options } = work;
  const seeds = Array.from({ length: count }, (_, seed) => seed);
  return resuming(work, async (resumed) => {
    const comparison = await compareStrategies(encoders, { ...options, ...resumed, seeds });
    const page = path.join(place.folder, 'comparison.html');
    await mkdir(place.folder, { recursive: true });
    await writeComparisonReport(page, comparison);
    await keep(work, [[outcomeKey('compare', owner.id), page]]);
    return { kind: 'done', outcome: { comparison } };
  });
}

/** Begins anew where an earlier owner was interrupted; what it had encoded is cached. */
async function evaluate(
  work: Work,
  { head, split }: Extract<JobTask['work'], { evaluate: object }>['evaluate'],
): Promise<TrainingMessage> {
  const { owner, place, registry, encoders, options } = work;
  const { dataset, featureCache, signal, onProgress } = options;
  const version = await registry.open(head);
  const { answered, ...measured } = await evaluateHead(encoders, {
    ...{ dataset, featureCache, signal, onProgress, head: version, split },
    headTimeout: place.headTimeout,
  });
  await mkdir(place.folder, { recursive: true });
  const fileOf = (extension: string) => path.join(place.folder, `evaluation.${extension}`);
  await writeEvaluationReport(fileOf('html'), {
    ...answered,
    evaluated: dataset.name,
    notes: dataset.notes,
  });
  for (const format of predictionFormats) await writePredictions(fileOf(format), answered);
  await keep(
    work,
    (['html', ...predictionFormats] as const).map(
      (extension) => [outcomeKey('evaluate', owner.id, extension), fileOf(extension)] as const,
    ),
  );
  const { target } = answered.manifest;
  const { name, version: number } = version;
  const evaluation = { head: { name, version: number }, target, dataset: dataset.name, ...measured };
  const note = noteTrainedOn(evaluation, '"split": "test"');
  if (note !== undefined) sendNote(note);
  return { kind: 'done', outcome: { evaluation } };
}

/** Keeps what was found among the artifacts. */
async function keep(
  { store }: Work,
  files: readonly (readonly [key: string, file: string])[],
): Promise<void> {
  await retryWhileAway(() => store.artifacts.add(files), { patience, signal: cancellation.signal });
}

function train(
  work: Work,
  { startFrom, tune, batchSize, accumulate, memory, ...trained }: Extract<JobTask['work'], { head: string }>,
): Promise<TrainingMessage> {
  const { owner, place, store, registry, encoders, options } = work;
  const jobs = new JobStore(store.database);
  return resuming(work, async (resumed) => {
    const { dataset } = options;
    const request = { tune, batchSize, accumulate, memory };
    const modality = trained.recipe?.modality;
    const result = await fineTune(encoders, registry, {
      ...{ ...options, ...resumed, ...trained },
      startFrom: startFrom === undefined ? undefined : readStart(await registry.open(startFrom)),
      tuning: await tuningChoice(request, encoders, { place: place.encoders, dataset, modality }),
      writeReport,
      job: { id: owner.id, confirm: (transaction) => jobs.confirm(transaction, owner) },
    });
    return { kind: 'done', outcome: { result } };
  });
}

/** Resumes from what an earlier owner of the job uploaded, and uploads its own checkpoints for the next. */
async function resuming(
  { owner, place, store }: Work,
  work: (resumed: Pick<FineTuneOptions, 'checkpoints' | 'onCheckpoint'>) => Promise<TrainingMessage>,
): Promise<TrainingMessage> {
  const folder = path.join(place.folder, 'checkpoints');
  const onLost = (error: Error) => cancellation.abort(error);
  const shared = new SharedCheckpoints({ store, jobs: new JobStore(store.database), owner, folder, onLost });
  await shared.download();
  try {
    return await work({ checkpoints: folder, onCheckpoint: (written) => shared.note(written) });
  } catch (error) {
    if (!isHandedOver) throw error;
    await shared.upload();
    return { kind: 'handed-over' };
  }
}

function end(last: TrainingMessage): void {
  send(last, () => process.exit(0));
}

/** How a dataset is read that a head is measured on. */
interface Measuring {
  target: TargetKind;
  purpose: DatasetPurpose;
}

async function measuring(registry: HeadRegistry, head: string): Promise<Measuring> {
  const { manifest } = await registry.open(head);
  return { target: parseHeadManifest(manifest, head).target, purpose: 'measuring' };
}

async function openSource(
  store: Store,
  { source, reading: asked }: JobTask,
  { folder, datasets }: TrainingPlace,
  measuring?: Measuring,
): Promise<Dataset> {
  if ('imported' in source) return new DatasetCatalogue(store).open(source.imported);
  const reading = { ...measuring, ...asked };
  const onProgress = (done: number, total: number) =>
    send({ kind: 'progress', progress: { stage: 'checking', done, total } });
  const [unpacked, images] = [path.join(folder, 'dataset'), path.join(folder, 'images')];
  // An earlier attempt may have been interrupted.
  for (const place of [unpacked, images]) await rm(place, { recursive: true, force: true });
  const inlineFolder = async () => images;
  if ('folder' in source)
    return readDataset(path.join(datasets, source.folder), { ...reading, inlineFolder, onProgress });
  await mkdir(folder, { recursive: true });
  const upload = await store.artifacts.path(source.upload);
  const dataset = await unpackUpload(upload, source.fileName, unpacked);
  const name = nameOfFile(source.fileName);
  return readDataset(dataset, { ...reading, name, inlineFolder, onProgress });
}

function sendNote(note: string): void {
  send({ kind: 'note', note });
}

function send(message: TrainingMessage, sent = () => {}): void {
  process.send?.(message, sent);
}
