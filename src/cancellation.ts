import { TandemError } from './errors.ts';

/** How long work may take. */
export interface TimeLimit {
  milliseconds: number;
  /** Makes the error that says so; called only when the time is up. */
  late(): Error;
  /** Ends the wait early. */
  signal?: AbortSignal;
}

/**
 * Runs work that may take so long and no longer. Its signal aborts when the time is up, when the caller's signal aborts, or
 * when the work fails; the work is not waited for after that, whether it observes the signal or not.
 * @throws what `late` makes; the caller's signal's reason, without beginning where it is aborted already; what the work throws
 * @example
 * const late = () => new Error('no answer within 5 s');
 * const answer = await withTimeLimit({ milliseconds: 5000, late }, (signal) => fetch(url, { signal }));
 */
export async function withTimeLimit<Result>(
  { milliseconds, late, signal }: TimeLimit,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const leave = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => controller.abort(late()), milliseconds);
  signal?.addEventListener('abort', leave);
  try {
    return await unlessAborted(controller.signal, work(controller.signal));
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  }
}

/**
 * Waits for work that cannot be cancelled, until the signal aborts; how the work ends after that is ignored.
 * @throws the signal's reason, as soon as it aborts; what the work throws
 * @example const addresses = await unlessAborted(signal, lookup('example.org'));
 */
export async function unlessAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  work.catch(() => {});
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * @param where what was going on: the message says that it was stopped there
 * @throws TandemError `job-cancelled` where the signal is aborted
 * @example throwIfCancelled(signal, 'while encoding images');
 */
export function throwIfCancelled(signal: AbortSignal | undefined, where: string): void {
  if (signal?.aborted) throw new TandemError('job-cancelled', `stopped ${where}`, { cause: signal.reason });
}
