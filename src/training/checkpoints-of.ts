import type { Dataset } from '../datasets/example.ts';
import type { Encoders } from '../encoders/encoders.ts';
import { product } from '../product.ts';
import { runtimeVersion } from '../runtime/provider.ts';
import { CheckpointFolder, type WrittenCheckpoint } from './loop/checkpoints.ts';

export interface ResumableOptions {
  dataset: Dataset;
  threads: number;
  /** The folder; undefined where nothing is kept. */
  checkpoints?: string;
  onNote?(note: string): void;
  onCheckpoint?(written: WrittenCheckpoint): void;
}

/**
 * Where the states of trainings are kept. They are resumed by nothing but the same work.
 * @param work what they rest on beside dataset, encoders, provider, threads and versions
 * @example checkpointsOf(encoders, { dataset, threads: 0, checkpoints: 'work/job-7' }, { train })?.stage('final')
 */
export function checkpointsOf(
  { byModality, provider: { provider } }: Encoders,
  { checkpoints, dataset, threads, onNote, onCheckpoint: onWritten }: ResumableOptions,
  work: object,
): CheckpointFolder | undefined {
  if (checkpoints === undefined) return undefined;
  const identity = {
    dataset: dataset.hash,
    encoders: Object.values(byModality)
      .flat()
      .map(({ cacheKey }) => cacheKey),
    ...work,
    provider,
    threads,
    versions: [product.version, runtimeVersion],
  };
  return new CheckpointFolder(checkpoints, identity, { onNote, onWritten });
}
