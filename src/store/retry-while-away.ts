import pRetry from 'p-retry';
import { storageError } from './storage-error.ts';

export interface Patience {
  /** Milliseconds for which work is tried again; for good by default. */
  patience?: number;
  /** Longest pause between two tries, in milliseconds; 5 s by default. */
  longestPause?: number;
  /** Ends the wait. */
  signal?: AbortSignal;
  /** Whether another try is wanted, asked after each that failed; always by default. */
  isWanted?(): boolean;
}

/**
 * Does work again, with growing pauses, while the store is away.
 * @throws whatever the work throws but for that; `storage-unavailable` where patience has run out; the signal's reason
 * @example await retryWhileAway(() => registry.register('pets', write), { patience: 60_000 });
 */
export function retryWhileAway<Result>(
  work: () => Promise<Result>,
  { patience, longestPause = 5000, signal, isWanted = () => true }: Patience = {},
): Promise<Result> {
  return pRetry(work, {
    retries: Number.POSITIVE_INFINITY,
    maxTimeout: longestPause,
    maxRetryTime: patience,
    signal,
    shouldRetry: ({ error }) => storageError(error) !== undefined && isWanted(),
  });
}
