import { setTimeout } from 'node:timers/promises';
import pRetry from 'p-retry';
import { DownloadError } from './download-error.ts';
import type { Hub } from './hub.ts';

/** Attempts in a row that get no further. */
const mostAttempts = 5;
/** Seconds of a Retry-After header that are waited for; a longer time is left to the caller. */
const longestWait = 60;

/**
 * Runs a request again while it fails in a way that may pass: a cut connection, 429, 5xx.
 * @param hasProgressed whether the attempt that failed got further: such attempts don't count
 * @throws what the last attempt throws; what the signal says
 */
export async function retrying<Result>(
  { retryDelay = 1000 }: Hub,
  signal: AbortSignal,
  work: () => Promise<Result>,
  hasProgressed: () => Promise<boolean> = async () => false,
): Promise<Result> {
  return pRetry(work, {
    retries: mostAttempts - 1,
    minTimeout: retryDelay,
    signal,
    onFailedAttempt: async ({ error, retriesLeft }) => {
      if (retriesLeft > 0 && mayPass(error))
        await setTimeout(1000 * (error.retryAfter ?? 0), undefined, { signal });
    },
    shouldConsumeRetry: async () => !(await hasProgressed()),
    shouldRetry: ({ error }) => mayPass(error),
  });
}

function mayPass(error: Error): error is DownloadError {
  return error instanceof DownloadError && error.again && (error.retryAfter ?? 0) <= longestWait;
}
