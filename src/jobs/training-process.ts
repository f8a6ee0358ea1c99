/**
 * The process that a job trains in: at lower priority, so that predictions go on; and a process of its own, so that
 * it can be stopped at any moment without taking the server along.
 */
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { type EncoderOptions, loadEncoders } from '../inference/encoders.ts';
import { HeadRegistry } from '../store/heads.ts';
import { DatasetCatalogue } from '../training/dataset/catalogue.ts';
import { type Dataset, readDataset } from '../training/dataset/dataset.ts';
import type { ColumnNames } from '../training/dataset/example.ts';
import { unpackUpload } from '../training/dataset/upload/unpack.ts';
import { fineTune } from '../training/fine-tune.ts';
import type { TrainingProgress, TrainingSummary } from '../training/progress.ts';
import { describeFailure, type JobFailure } from './failure.ts';

export interface TrainingTask {
  head: string;
  seed: number;
  /** How the labels of a dataset that is not imported yet are to be read. */
  reading: Partial<Pick<ColumnNames, 'target' | 'labelSeparator'>>;
  /** Folder of all data. */
  data: string;
  /** The id of an imported dataset, a dataset's folder, or an uploaded file and the folder to unpack it in. */
  source: { imported: string } | { folder: string } | { archive: string; fileName: string; unpackTo: string };
  encoders: EncoderOptions;
  heads: { root: string; shipped: string[] };
}

export type TrainingMessage =
  | { kind: 'progress'; progress: TrainingProgress }
  | { kind: 'done'; summary: TrainingSummary }
  | { kind: 'failed'; failure: JobFailure };

const cancellation = new AbortController();

process.on('message', (message: { start: TrainingTask } | 'cancel') => {
  if (message === 'cancel') cancellation.abort(new TandemError('job-cancelled', 'cancelled on request'));
  else
    run(message.start)
      .then((summary): TrainingMessage => ({ kind: 'done', summary }))
      .catch((error): TrainingMessage => ({ kind: 'failed', failure: describeFailure(error) }))
      .then((last) => send(last, () => process.exit(0)));
});
// Without the server there is nobody to train for.
process.on('disconnect', () => process.exit(1));
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

async function run(task: TrainingTask): Promise<TrainingSummary> {
  const { encoders: encoderOptions, heads } = task;
  const dataset = await openSource(task);
  const encoders = await loadEncoders(encoderOptions);
  return fineTune(encoders, new HeadRegistry(heads.root, heads.shipped), {
    dataset,
    featureCache: path.join(task.data, 'features'),
    head: task.head,
    seed: task.seed,
    search: true,
    testShare: 0.2,
    threads: encoderOptions.threads,
    signal: cancellation.signal,
    onProgress: (progress) => send({ kind: 'progress', progress }),
  });
}

async function openSource({ source, data, reading }: TrainingTask): Promise<Dataset> {
  if ('imported' in source) return new DatasetCatalogue(data).open(source.imported);
  const onProgress = (done: number, total: number) =>
    send({ kind: 'progress', progress: { stage: 'checking', done, total } });
  if ('folder' in source) return readDataset(source.folder, { ...reading, onProgress });
  const { archive, fileName, unpackTo } = source;
  const folder = await unpackUpload(archive, fileName, path.join(unpackTo, 'dataset'));
  return readDataset(folder, { ...reading, inlineFolder: path.join(unpackTo, 'pictures'), onProgress });
}

function send(message: TrainingMessage, sent = () => {}): void {
  process.send?.(message, sent);
}
