/**
 * The process that a job trains in: at lower priority, so that predictions go on; and a process of its own, so that
 * it can be stopped at any moment without taking the server along.
 */
import { mkdir, rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { loadEncoders } from '../inference/encoders.ts';
import { HeadRegistry } from '../store/heads/heads.ts';
import { openStore, type Store } from '../store/store.ts';
import { compareStrategies } from '../training/compare.ts';
import { DatasetCatalogue } from '../training/dataset/catalogue.ts';
import { type Dataset, readDataset } from '../training/dataset/dataset.ts';
import { unpackUpload } from '../training/dataset/upload/unpack.ts';
import { fineTune } from '../training/fine-tune.ts';
import type { TrainingProgress } from '../training/progress.ts';
import { writeComparisonReport } from '../training/report.ts';
import { describeFailure } from './failure.ts';
import {
  comparisonKey,
  type JobTask,
  type TrainingMessage,
  type TrainingOrder,
  type TrainingPlace,
} from './task.ts';

const cancellation = new AbortController();

process.on('message', (order: TrainingOrder) => {
  if (order === 'cancel') cancellation.abort(new TandemError('job-cancelled', 'cancelled on request'));
  else
    run(order.start)
      .catch((error): TrainingMessage => ({ kind: 'failed', failure: describeFailure(error) }))
      .then((last) => send(last, () => process.exit(0)));
});
// Without the server there is nobody to train for.
process.on('disconnect', () => process.exit(1));
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

async function run({
  id,
  task,
  place,
}: {
  id: string;
  task: JobTask;
  place: TrainingPlace;
}): Promise<TrainingMessage> {
  const { work } = task;
  const store = await openStore(place.store);
  const dataset = await openSource(store, task, place);
  const encoders = await loadEncoders(place.encoders);
  const options = {
    dataset,
    featureCache: path.join(place.store.data, 'features'),
    ...task.split,
    testShare: task.split?.testShare ?? 0.2,
    threads: place.encoders.threads,
    signal: cancellation.signal,
    onProgress: (progress: TrainingProgress) => send({ kind: 'progress', progress }),
  };
  if ('compare' in work) {
    const seeds = Array.from({ length: work.compare }, (_, seed) => seed);
    const comparison = await compareStrategies(encoders, { ...options, seeds });
    await mkdir(place.folder, { recursive: true });
    const page = path.join(place.folder, 'comparison.html');
    await writeComparisonReport(page, comparison);
    await store.artifacts.take(comparisonKey(id), page);
    return { kind: 'compared', comparison };
  }
  const result = await fineTune(encoders, new HeadRegistry(store, place.shippedHeads), {
    ...options,
    ...work,
    search: true,
    checkpoints: path.join(place.folder, 'checkpoints'),
    job: id,
  });
  return { kind: 'done', result };
}

async function openSource(
  store: Store,
  { source, reading }: JobTask,
  { folder, datasets }: TrainingPlace,
): Promise<Dataset> {
  if ('imported' in source) return new DatasetCatalogue(store).open(source.imported);
  const onProgress = (done: number, total: number) =>
    send({ kind: 'progress', progress: { stage: 'checking', done, total } });
  if ('folder' in source) return readDataset(path.join(datasets, source.folder), { ...reading, onProgress });
  const [unpacked, inlineFolder] = ['dataset', 'pictures'].map((name) => path.join(folder, name));
  // An earlier attempt may have been interrupted.
  for (const place of [unpacked, inlineFolder]) await rm(place, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const upload = await store.artifacts.path(source.upload);
  const dataset = await unpackUpload(upload, source.fileName, unpacked);
  return readDataset(dataset, { ...reading, inlineFolder, onProgress });
}

function send(message: TrainingMessage, sent = () => {}): void {
  process.send?.(message, sent);
}
