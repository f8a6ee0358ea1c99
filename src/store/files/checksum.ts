import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';

/**
 * sha256 of a value as JSON, in hexadecimal.
 * @example sha256OfJson({ columns: [] }) === sha256OfJson({ columns: [] }) // true
 */
export function sha256OfJson(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/**
 * A UUID that is made of a value: RFC 9562, version 8.
 * @example uuidOfJson(['me', 'key']) === uuidOfJson(['me', 'key']) // true
 */
export function uuidOfJson(value: unknown): string {
  const hex = sha256OfJson(value);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** sha256 of a file's content, in hexadecimal. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Bytes that are hashed before others get their turn: a few milliseconds' worth. */
const bytesOfTurn = 2 ** 22;

/** sha256 of bytes, in hexadecimal; many of them in turns. */
export async function sha256OfBytes(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += bytesOfTurn) {
    if (at > 0) await setImmediate();
    hash.update(bytes.subarray(at, at + bytesOfTurn));
  }
  return hash.digest('hex');
}
