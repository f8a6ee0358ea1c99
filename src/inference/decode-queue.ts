import pLimit from 'p-limit';
import { Batcher, type SubmitOptions } from './batcher.ts';
import { decodesAtOnce } from './sharp.ts';

const turns = pLimit(decodesAtOnce);

/** Whoever lets callers in bounds how many wait here. */
const queue = new Batcher<() => Promise<unknown>, unknown>({
  run: (take) =>
    turns(async () => {
      const [decode] = take();
      return decode ? [await decode()] : [];
    }),
  budget: 1,
  maximumQueue: Number.POSITIVE_INFINITY,
});

/**
 * Opens and decodes an image when its turn comes: all of the process are in one queue, and fewer are decoded at a time
 * than libuv has threads, so that files and names are still read meanwhile.
 * @param options an abort takes what waits out of the queue at once; a decoding that runs already can't be interrupted,
 * keeps its place until it ends, and is forgotten. What is urgent doesn't wait: it must be tiny.
 * @throws what the decoding throws; the signal's reason where it aborts
 * @example const looks = await decodeInTurn(async () => perceptualHash((await openPicture(file)).picture), { signal });
 */
export async function decodeInTurn<Result>(
  decode: () => Promise<Result>,
  options: SubmitOptions = {},
): Promise<Result> {
  if (options.urgent) return decode();
  const { result } = await queue.submit(decode, options);
  return result as Result;
}
