import { setImmediate } from 'node:timers/promises';
import type { Request, RequestHandler, Response } from 'express';
import { type ErrorCode, TandemError } from '../../errors.ts';
import { hasNoBody, readBytes } from './body-bytes.ts';
import { defaultJsonLimits, JsonStructure } from './json-structure.ts';

/** Bytes of a body that takes milliseconds to parse. */
const largeBytes = 2 ** 20;

/**
 * Reads a body that is JSON, and nothing else, into `request.body`.
 * Passes on TandemError `empty-request`, or what `whenEmpty` says, for a missing body, `unsupported-media-type` where it is something else, and
 * what {@link readJsonBody} throws.
 * @example handlers: [readJson(2 ** 20), answer]
 */
export function readJson(maximumBytes: number, whenEmpty: ErrorCode = 'empty-request'): RequestHandler {
  return async (request, response, next) => {
    if (hasNoBody(request)) throw new TandemError(whenEmpty, 'the request has no body');
    if (!request.is('application/json')) {
      const given = request.get('Content-Type') ?? 'none';
      throw new TandemError(
        'unsupported-media-type',
        `the content type is ${given}, and this address takes application/json alone`,
        { fix: 'Send JSON, with the content type application/json.' },
      );
    }
    request.body = await readJsonBody(request, response, maximumBytes);
    next();
  };
}

/**
 * What a body of JSON says.
 * @throws TandemError `invalid-request` where it is no JSON, `unsupported-media-type` where it is not in UTF-8; as
 *   `readBytes` and {@link JsonStructure}
 */
export async function readJsonBody(
  request: Request,
  response: Response,
  maximumBytes: number,
): Promise<unknown> {
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(request.get('Content-Type') ?? '')?.[1] ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset))
    throw new TandemError('unsupported-media-type', `the charset is ${charset}`, {
      fix: 'Send the JSON in UTF-8.',
    });
  const structure = new JsonStructure(defaultJsonLimits);
  const bytes = await readBytes(request, response, maximumBytes, (piece) => structure.add(piece));
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    // What is done with it next takes a turn of its own.
    if (bytes.length > largeBytes) await setImmediate();
    return value;
  } catch (error) {
    throw new TandemError('invalid-request', `the body is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
