import { TandemError } from '../errors.ts';
import type { Runnable } from './engine.ts';
import { OutOfMemory } from './out-of-memory.ts';
import type { Tensors } from './tensor.ts';

/** What becomes a model's inputs, and what its outputs become. */
export interface Conversion<Item, Result> {
  feeds(items: readonly Item[]): Tensors;
  /** A result for each item, in order. */
  read(outputs: Tensors, items: readonly Item[]): Result[];
}

/**
 * Runs a model on a batch; where there is no memory for it, once more in two halves, one after the other.
 * @param given the batch, or what gives it when it can run; nothing runs where it is empty
 * @throws TandemError `out-of-memory` if the halves do not fit either, or one item alone is too much
 * @example await runWithinMemory(session, texts, { feeds: padTexts, read: (outputs) => rowsOf(outputs, 'features') });
 */
export async function runWithinMemory<Item, Result>(
  session: Runnable,
  given: readonly Item[] | (() => readonly Item[]),
  { feeds, read }: Conversion<Item, Result>,
): Promise<Result[]> {
  const run = async (take: () => readonly Item[]) => {
    let items: readonly Item[] = [];
    const outputs = await session.run(() => {
      items = take();
      return items.length > 0 ? feeds(items) : undefined;
    });
    return items.length > 0 ? read(outputs, items) : [];
  };
  let batch: readonly Item[] = [];
  try {
    return await run(() => {
      batch = typeof given === 'function' ? given() : given;
      return batch;
    });
  } catch (error) {
    if (!(error instanceof OutOfMemory) || batch.length < 2)
      throw asProblem(error, `a batch of ${batch.length}`);
  }
  const middle = Math.ceil(batch.length / 2);
  try {
    const first = await run(() => batch.slice(0, middle));
    return [...first, ...(await run(() => batch.slice(middle)))];
  } catch (error) {
    throw asProblem(error, `a batch of ${batch.length}, nor for halves of it`);
  }
}

/**
 * What a caller is told of a run, or a load, that found no memory; any other error as it is.
 * @param what there was no memory for
 */
export function asProblem(error: unknown, what: string): unknown {
  if (!(error instanceof OutOfMemory)) return error;
  return new TandemError('out-of-memory', `there was no memory for ${what}`, { retryAfter: 1, cause: error });
}
