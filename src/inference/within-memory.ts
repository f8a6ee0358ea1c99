import { TandemError } from '../errors.ts';
import { OutOfMemory } from '../runtime/out-of-memory.ts';

/**
 * Runs a batch; where there is no memory for it, once more in two halves, one after the other.
 * @param given the batch, or what gives it when it can run
 * @param run takes the batch when it can run, and returns a result for each of its items
 * @throws TandemError `out-of-memory` where there is none for the halves either, or one item alone is too much
 * @example await withinMemory(batch, (take) => encodeBatch(take)); // as run(() => batch), or two runs
 */
export async function withinMemory<Item, Result>(
  given: readonly Item[] | (() => readonly Item[]),
  run: (take: () => readonly Item[]) => Promise<Result[]>,
): Promise<Result[]> {
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
