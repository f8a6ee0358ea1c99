import { once } from 'node:events';
import type { Response } from 'express';
import { TimeSlice } from '../../time-slice.ts';

/** Characters of an answer that are written at a time. */
const pieceLength = 2 ** 16;

/**
 * Answers with JSON that may be long, piece by piece and no faster than it is read: of an answer that nobody reads little
 * is held, and writing it keeps nobody else waiting.
 * @param pieces of the JSON, each made when it is asked for
 * @param left aborts when the caller leaves, and ends the writing; see `departure`
 * @example await sendJson(response, ['{"data":[', ...rows, ']}'], departure(response));
 */
export async function sendJson(
  response: Response,
  pieces: Iterable<string>,
  left: AbortSignal,
): Promise<void> {
  response.type('json');
  const turns = new TimeSlice();
  let held = '';
  for (const piece of pieces) {
    held += piece;
    if (held.length < pieceLength) {
      await turns.share();
      continue;
    }
    if (!response.write(held) && !(await drained(response, left))) return;
    held = '';
    await turns.share();
  }
  response.end(held);
}

/**
 * The pieces of an object whose last member is a list: each element is one.
 * @param head the members before the list
 * @example jsonWithList({ model: 'a' }, 'data', [1, 2]) // yields '{"model":"a","data":[', '1', ',2', ']}'
 */
export function* jsonWithList(
  head: Record<string, unknown>,
  name: string,
  elements: Iterable<unknown>,
): Generator<string> {
  yield `${JSON.stringify({ ...head, [name]: [] }).slice(0, -2)}`;
  let separator = '';
  for (const element of elements) {
    yield separator + JSON.stringify(element);
    separator = ',';
  }
  yield ']}';
}

/**
 * Waits until what was written is on its way.
 * @returns whether the reader is still there
 */
export function drained(response: Response, left: AbortSignal): Promise<boolean> {
  return once(response, 'drain', { signal: left }).then(
    () => true,
    () => false,
  );
}
