import type { Response } from 'express';
import { withTimeLimit } from '../../cancellation.ts';
import { TandemError } from '../../errors.ts';

/**
 * Does work for a caller who waits: its signal aborts when the time is up or the caller leaves, and then the work is
 * not waited for, whether it follows the signal or not. Where a part of the work fails the signal aborts too: nobody wants
 * the rest.
 * @param left aborts when the caller leaves; see {@link departure}
 * @throws TandemError `deadline-exceeded`; whatever the work throws
 * @example const answer = await withDeadline(departure(response), 30_000, (signal) => fetch(address, { signal }));
 */
export function withDeadline<Result>(
  left: AbortSignal,
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const late = () => new TandemError('deadline-exceeded', `no answer within ${milliseconds} ms`);
  return withTimeLimit({ milliseconds, late, signal: left }, work);
}

/** A signal that aborts when the caller leaves whom a response is for, before the answer is sent. */
export function departure(response: Response): AbortSignal {
  const left = new AbortController();
  const leave = () => {
    if (!response.writableFinished) left.abort(callerLeft());
  };
  response.once('close', leave);
  if (response.closed) leave();
  return left.signal;
}

/** The reason of a signal that aborts because nobody waits any more. */
export function callerLeft(): TandemError {
  return new TandemError('deadline-exceeded', 'the caller has left');
}
