/**
 * The process that a job trains in: at lower priority, so that predictions go on; and a process of its own, so that
 * it can be stopped at any moment without taking the server along.
 */
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { type EncoderOptions, loadEncoders } from '../inference/encoders.ts';
import { HeadRegistry } from '../store/heads.ts';
import { unpackUpload } from '../training/dataset/upload/unpack.ts';
import { fineTune } from '../training/fine-tune.ts';
import type { TrainingProgress, TrainingSummary } from '../training/progress.ts';
import { describeFailure, type JobFailure } from './failure.ts';

export interface TrainingTask {
  head: string;
  seed: number;
  /** A dataset's folder, or an uploaded archive and the folder to unpack it in. */
  source: { folder: string } | { archive: string; fileName: string; unpackTo: string };
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
  const { source, encoders: encoderOptions, heads } = task;
  const encoders = await loadEncoders(encoderOptions);
  const dataset =
    'folder' in source
      ? source.folder
      : await unpackUpload(source.archive, source.fileName, path.join(source.unpackTo, 'dataset'));
  return fineTune(encoders, new HeadRegistry(heads.root, heads.shipped), {
    dataset,
    head: task.head,
    seed: task.seed,
    search: true,
    testShare: 0.2,
    threads: encoderOptions.threads,
    signal: cancellation.signal,
    onProgress: (progress) => send({ kind: 'progress', progress }),
  });
}

function send(message: TrainingMessage, sent = () => {}): void {
  process.send?.(message, sent);
}
