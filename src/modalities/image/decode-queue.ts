import pLimit from 'p-limit';
import { Batcher, type SubmitOptions } from '../../runtime/batcher.ts';
import { ByteBudget } from './byte-budget.ts';
import { type OpenedImage, openImage } from './decode.ts';
import { decodingBudget } from './decoding-memory.ts';
import { decodesAtOnce } from './thread-pool.ts';

const turns = pLimit(decodesAtOnce);

/** How many wait here is bounded where requests are accepted. */
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
 * Decodes an image when its turn comes: all of the process are in one queue, and fewer are decoded at a time
 * than libuv has threads, so that files and names are still read meanwhile.
 * @param options an abort takes what waits out of the queue at once; a decoding that runs already can't be interrupted,
 * keeps its place until it ends, and is forgotten. What is urgent doesn't wait: it must be tiny.
 * @throws what the decoding throws; the signal's reason where it aborts
 * @example const looks = await decodeInTurn(() => drawing.raw().toBuffer(), { signal });
 */
export async function decodeInTurn<Result>(
  decode: () => Promise<Result>,
  options: SubmitOptions = {},
): Promise<Result> {
  if (options.urgent) return decode();
  const { result } = await queue.submit(decode, options);
  return result as Result;
}

const memory = new ByteBudget(decodingBudget);
/** Bytes of a decoding that are not counted. */
const lightBytes = 2e6;

/**
 * Opens an image when its turn comes, and decodes it then where the memory for it is free. One that has to wait for memory
 * keeps nobody else's turn meanwhile; all that are decoded take no more than {@link decodingBudget} together.
 * @param options as {@link decodeInTurn}'s
 * @throws what `openImage` and the decoding throw; the signal's reason where it aborts
 * @example const looks = await decodeImageInTurn(file, ({ image }) => perceptualHash(image), { signal });
 */
export async function decodeImageInTurn<Result>(
  input: Uint8Array | string,
  decode: (opened: OpenedImage) => Promise<Result>,
  options: SubmitOptions = {},
): Promise<Result> {
  const begun = await decodeInTurn(async () => {
    const opened = await openImage(input);
    const isFree = options.urgent || opened.memory <= lightBytes;
    const release = isFree ? () => {} : memory.takeNow(opened.memory);
    if (!release) return { opened };
    return { result: await decode(opened).finally(release) };
  }, options);
  if ('result' in begun) return begun.result as Result;
  const release = await memory.take(begun.opened.memory, options.signal);
  let decoding: Promise<Result> | undefined;
  const work = () => {
    // Its caller may leave; the memory stays taken until it ends.
    decoding = decode(begun.opened).finally(release);
    return decoding;
  };
  return decodeInTurn(work, options).finally(() => {
    if (!decoding) release();
  });
}
