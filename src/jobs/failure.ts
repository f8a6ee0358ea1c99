import { errorTable, TandemError } from '../errors.ts';
import { storageError } from '../store/storage-error.ts';
import type { Job } from './job.ts';

export type JobFailure = NonNullable<Job['error']>;

/** An error as a job shows it. Where it is nobody's expected error, it is a failed training. */
export function describeFailure(error: unknown): JobFailure {
  const known =
    error instanceof TandemError
      ? error
      : (storageError(error) ??
        new TandemError('training-failed', error instanceof Error ? error.message : String(error)));
  const { code, message, fix, items } = known;
  return { code, title: errorTable[code].title, detail: message, fix, items };
}
