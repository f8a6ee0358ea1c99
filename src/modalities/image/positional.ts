import { open } from 'node:fs/promises';

/** Reads some bytes of an image; fewer at its end. */
export type ReadBytes = (start: number, end: number) => Promise<Buffer>;

/**
 * Reads here and there in an image, without all of a file.
 * @param input the bytes of the file, or its path
 * @throws what reading the file throws
 * @example await withBytes('scan.tif', (read) => read(0, 8))
 */
export async function withBytes<Result>(
  input: Uint8Array | string,
  use: (read: ReadBytes) => Promise<Result>,
): Promise<Result> {
  if (typeof input !== 'string') return use(async (start, end) => Buffer.from(input.subarray(start, end)));
  await using file = await open(input);
  return await use(async (start, end) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    return buffer.subarray(0, bytesRead);
  });
}
