import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request, RequestHandler, Response } from 'express';
import getRawBody from 'raw-body';
import { TandemError } from '../errors.ts';

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
 * Lets a caller send its body who waits to be told so (`Expect: 100-continue`). Whoever reads a body calls it first, once
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

/**
 * The body without its Content-Encoding, as a stream. What is not gzip, deflate or br although it says so ends the stream
 * with an error that `describeBodyError` knows.
 * Whoever stops reading it before its end destroys it, if it isn't the request itself.
 * @throws TandemError `unsupported-media-type` for another encoding, `deadline-exceeded` where the caller has left
 */
export function decompressed(request: Request): Readable {
  const decompress = decompressorOf(request);
  if (!decompress) return request;
  const left = new TandemError('deadline-exceeded', 'the caller has left');
  if (request.destroyed) throw left;
  const stream = decompress();
  // Whoever reads is told of errors, too; afterwards nobody listens, and they would end the process.
  stream.on('error', () => {});
  stream.once('close', () => request.unpipe(stream));
  request.once('close', () => {
    if (!request.readableEnded) stream.destroy(left);
  });
  return request.pipe(stream);
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
 * @throws TandemError `payload-too-large`, `unsupported-media-type`; what the stream throws is for `describeBodyError`
 */
export async function readBytes(request: Request, response: Response, maximumBytes: number): Promise<Buffer> {
  const length = declaredLength(request);
  if (length !== undefined && length > maximumBytes) throw tooLarge(maximumBytes);
  const stream = decompressed(request);
  inviteBody(request, response);
  if (stream === request) return getRawBody(stream, { limit: maximumBytes, length });
  return getRawBody(stream, { limit: maximumBytes }).finally(() => stream.destroy());
}

/**
 * Reads a body of any kind into `request.body`, as a Buffer.
 * @example handlers: [readAnything(2 ** 20), answer]
 */
export function readAnything(maximumBytes: number): RequestHandler {
  return async (request, response, next) => {
    request.body = await readBytes(request, response, maximumBytes);
    next();
  };
}
