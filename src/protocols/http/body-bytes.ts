import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request, Response } from 'express';
import { TandemError } from '../../errors.ts';

const MiB = 2 ** 20;

/** @param maximum bytes of a body, or of a line of it */
export function tooLarge(maximum: number): TandemError {
  const limit = maximum % MiB === 0 ? `${maximum / MiB} MiB` : `${maximum} bytes`;
  return new TandemError('payload-too-large', `the request is larger than ${limit}`);
}

/** Bytes that a request says it will send; undefined where it doesn't say. */
export function declaredLength(request: Request): number | undefined {
  const length = request.get('Content-Length');
  return length === undefined ? undefined : Number(length);
}

/** Whether a request comes without any body. */
export function hasNoBody(request: Request): boolean {
  return (declaredLength(request) ?? 0) === 0 && request.get('Transfer-Encoding') === undefined;
}

/**
 * Lets a caller send its body who waits to be told so (`Expect: 100-continue`). Readers of a body call it first, once
 * nothing is left to refuse it for.
 */
export function inviteBody(request: Request, response: Response): void {
  if (request.get('Expect')?.toLowerCase() === '100-continue') response.writeContinue();
}

const decompressors = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);
const decompressedFix = 'Send the body as it is, or as gzip, deflate or br.';

/** Bytes that a body may unpack to whatever its ratio is. */
const freeBytes = 2 ** 20;
/** Most bytes beyond those that one byte may unpack to. Tables and lines of JSON reach 10 to 30; gzip can do 1,000. */
const mostRatio = 100;

/**
 * The body without its Content-Encoding, as a stream; it ends when the caller leaves. What is not gzip, deflate or br although it says so ends the stream
 * with an error that `describeBodyError` knows.
 * A reader that stops before its end destroys it, if it isn't the request itself.
 * @throws TandemError `unsupported-media-type` for another encoding, `deadline-exceeded` where the caller has left
 */
export function decompressed(request: Request, response: Response): Readable {
  const decompress = decompressorOf(request);
  if (!decompress) return request;
  const left = new TandemError('deadline-exceeded', 'the caller has left');
  if (request.destroyed) throw left;
  const stream = decompress();
  // The reader is told of errors, too; afterwards nobody listens, and they would end the process.
  stream.on('error', () => {});
  stream.once('close', () => request.unpipe(stream));
  // The whole request may have come long before all of it is unpacked: it is the answer that shows who waits.
  response.once('close', () => stream.destroy(left));
  return request.pipe(stream);
}

/**
 * The pieces of a body as they come. The stream stays open at an error: the caller is still to be answered on it.
 * @param body from {@link decompressed}
 * @throws TandemError `payload-too-large` where it unpacks to far more than was sent
 * @example for await (const piece of piecesOf(decompressed(request, response))) bytes += piece.length;
 */
export async function* piecesOf(body: Readable & { bytesWritten?: number }): AsyncGenerator<Buffer> {
  const pieces: AsyncIterable<Buffer> = body.iterator({ destroyOnReturn: false });
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (body.bytesWritten !== undefined && bytes > freeBytes && bytes > mostRatio * body.bytesWritten)
      throw new TandemError(
        'payload-too-large',
        `the body unpacks to more than ${mostRatio} times the bytes that were sent`,
        { fix: 'Send it without a Content-Encoding, or in several requests.' },
      );
    yield piece;
  }
}

/** @throws TandemError `unsupported-media-type` for one that is not known */
export function decompressorOf(request: Request): (() => Transform) | undefined {
  const encoding = request.get('Content-Encoding')?.toLowerCase() ?? 'identity';
  if (encoding === 'identity') return undefined;
  const decompress = decompressors.get(encoding);
  if (decompress) return decompress;
  throw new TandemError('unsupported-media-type', `the content encoding is ${encoding}`, {
    fix: decompressedFix,
  });
}

/**
 * All of a body. One that is too large is refused as soon as that is known: by what it says of itself, else at the
 * first byte too many.
 * @param maximumBytes after decompression
 * @param look is shown every piece when it comes, and may throw to refuse the body
 * @throws TandemError `payload-too-large`, `unsupported-media-type`, whatever `look` throws; what the stream throws is for
 *   `describeBodyError`
 */
export async function readBytes(
  request: Request,
  response: Response,
  maximumBytes: number,
  look?: (piece: Buffer) => void,
): Promise<Buffer> {
  if ((declaredLength(request) ?? 0) > maximumBytes) throw tooLarge(maximumBytes);
  const stream = decompressed(request, response);
  inviteBody(request, response);
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of piecesOf(stream)) {
      bytes += piece.length;
      if (bytes > maximumBytes) throw tooLarge(maximumBytes);
      look?.(piece);
      pieces.push(piece);
    }
  } finally {
    if (stream !== request) stream.destroy();
  }
  const [only, another] = pieces;
  return only && !another ? only : Buffer.concat(pieces);
}
