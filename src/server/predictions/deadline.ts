import type { Response } from 'express';
import { TandemError } from '../../errors.ts';

/**
 * Does work for a caller who waits: its signal aborts when the time is up or the caller leaves, and then the work is
 * not waited for, whether it heeds the signal or not. Where a part of the work fails the signal aborts too: nobody wants
 * the rest.
 * @throws TandemError `deadline-exceeded`; whatever the work throws
 * @example const answer = await withDeadline(response, 30_000, (signal) => fetch(address, { signal }));
 */
export async function withDeadline<Result>(
  response: Response,
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const giveUp = (detail: string) => {
    const error = new TandemError('deadline-exceeded', detail);
    controller.abort(error);
    reject(error);
  };
  const leave = () => giveUp('the caller has left');
  const timer = setTimeout(() => giveUp(`no answer within ${milliseconds} ms`), milliseconds);
  response.once('close', leave);
  if (response.closed) leave();
  try {
    return await Promise.race([tooLate, work(controller.signal)]);
  } catch (error) {
    controller.abort(error);
    throw error;
  } finally {
    clearTimeout(timer);
    response.off('close', leave);
  }
}
