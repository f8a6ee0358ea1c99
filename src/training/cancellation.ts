import { TandemError } from '../errors.ts';

/**
 * @param where what was going on: the message says that it was stopped there
 * @throws TandemError `job-cancelled` where the signal is aborted
 */
export function throwIfCancelled(signal: AbortSignal | undefined, where: string): void {
  if (signal?.aborted) throw new TandemError('job-cancelled', `stopped ${where}`);
}
