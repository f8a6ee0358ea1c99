/**
 * The process that a job trains in: at lower priority, so that predictions go on; and a process of its own, so that
 * it can be stopped at any moment without taking the server along.
 */
import { mkdir, rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { type EncoderOptions, loadEncoders } from '../inference/encoders.ts';
import { HeadRegistry } from '../store/heads.ts';
import { type Comparison, compareStrategies } from '../training/compare.ts';
import { DatasetCatalogue } from '../training/dataset/catalogue.ts';
import { type Dataset, readDataset } from '../training/dataset/dataset.ts';
import type { ColumnNames } from '../training/dataset/example.ts';
import { unpackUpload } from '../training/dataset/upload/unpack.ts';
import { fineTune } from '../training/fine-tune.ts';
import type { TrainingProgress, TrainingSummary } from '../training/progress.ts';
import type { Recipe } from '../training/recipe.ts';
import { writeComparisonReport } from '../training/report.ts';
import { describeFailure, type JobFailure } from './failure.ts';

export interface TrainingTask {
  /** What is to be made: a head, or a comparison over so many seeds, whose report goes to a file. */
  work: { head: string; seed: number; recipe?: Partial<Recipe> } | { compare: number; report: string };
  /** How the labels of a dataset that is not imported yet are to be read. */
  reading: Partial<Pick<ColumnNames, 'target' | 'labelSeparator'>>;
  /** Folder of all data, and of what this job alone has. */
  data: string;
  folder: string;
  /** The id of an imported dataset, a dataset's folder, or an uploaded file. */
  source: { imported: string } | { folder: string } | { archive: string; fileName: string };
  encoders: EncoderOptions;
  heads: { root: string; shipped: string[] };
}

export type TrainingMessage =
  | { kind: 'progress'; progress: TrainingProgress }
  | { kind: 'done'; result: TrainingSummary }
  | { kind: 'compared'; comparison: Comparison }
  | { kind: 'failed'; failure: JobFailure };

const cancellation = new AbortController();

process.on('message', (message: { start: TrainingTask } | 'cancel') => {
  if (message === 'cancel') cancellation.abort(new TandemError('job-cancelled', 'cancelled on request'));
  else
    run(message.start)
      .catch((error): TrainingMessage => ({ kind: 'failed', failure: describeFailure(error) }))
      .then((last) => send(last, () => process.exit(0)));
});
// Without the server there is nobody to train for.
process.on('disconnect', () => process.exit(1));
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

async function run(task: TrainingTask): Promise<TrainingMessage> {
  const { work, folder, encoders: encoderOptions, heads } = task;
  const dataset = await openSource(task);
  const encoders = await loadEncoders(encoderOptions);
  const options = {
    dataset,
    featureCache: path.join(task.data, 'features'),
    testShare: 0.2,
    threads: encoderOptions.threads,
    signal: cancellation.signal,
    onProgress: (progress: TrainingProgress) => send({ kind: 'progress', progress }),
  };
  if ('compare' in work) {
    const seeds = Array.from({ length: work.compare }, (_, seed) => seed);
    const comparison = await compareStrategies(encoders, { ...options, seeds });
    await mkdir(path.dirname(work.report), { recursive: true });
    await writeComparisonReport(work.report, comparison);
    return { kind: 'compared', comparison };
  }
  const result = await fineTune(encoders, new HeadRegistry(heads.root, heads.shipped), {
    ...options,
    ...work,
    search: true,
    checkpoints: path.join(folder, 'checkpoints'),
  });
  return { kind: 'done', result };
}

async function openSource({ source, data, reading, folder }: TrainingTask): Promise<Dataset> {
  if ('imported' in source) return new DatasetCatalogue(data).open(source.imported);
  const onProgress = (done: number, total: number) =>
    send({ kind: 'progress', progress: { stage: 'checking', done, total } });
  if ('folder' in source) return readDataset(source.folder, { ...reading, onProgress });
  const [unpacked, inlineFolder] = ['dataset', 'pictures'].map((name) => path.join(folder, name));
  // An earlier attempt may have been interrupted.
  for (const place of [unpacked, inlineFolder]) await rm(place, { recursive: true, force: true });
  const dataset = await unpackUpload(source.archive, source.fileName, unpacked);
  return readDataset(dataset, { ...reading, inlineFolder, onProgress });
}

function send(message: TrainingMessage, sent = () => {}): void {
  process.send?.(message, sent);
}
