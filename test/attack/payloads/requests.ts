import { gzipSync } from 'node:zlib';
import type { Attack } from '../attacked-server.ts';

/**
 * Compressed, behind so many empty members that it unpacks to less than 100 times its bytes: the limit of the ratio is not
 * what is tried.
 */
export function packed(content: Buffer): Buffer {
  const empty = gzipSync('');
  const members = Math.ceil(content.length / 90 / empty.length);
  return Buffer.concat([Buffer.alloc(members * empty.length, empty), gzipSync(content, { level: 1 })]);
}

/**
 * A request of JSON.
 * @param isPacked it travels by gzip
 * @example postJson('/v1/predict', 'a text', { inputs: [{ text: 'a' }] })
 */
export function postJson(path: string, name: string, value: unknown, { isPacked = false } = {}): Attack {
  const text = Buffer.from(JSON.stringify(value));
  const headers = { 'Content-Type': 'application/json', ...(isPacked && { 'Content-Encoding': 'gzip' }) };
  return { name, method: 'POST', path, headers, body: isPacked ? packed(text) : text };
}
