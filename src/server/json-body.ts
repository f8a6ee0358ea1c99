import express, { type RequestHandler } from 'express';
import { TandemError } from '../errors.ts';

/**
 * Reads a body that is JSON, and nothing else, into `request.body`.
 * Passes on TandemError `empty-request` where there is none, `unsupported-media-type` where it is something else; what
 * the parser throws is for `describeBodyError`.
 * @example handlers: [readJson(2 ** 20), answer]
 */
export function readJson(maximumBytes: number): RequestHandler {
  const read = express.json({ limit: maximumBytes });
  return (request, response, next) => {
    const isEmpty = Number(request.get('Content-Length') ?? 0) === 0;
    if (isEmpty && request.get('Transfer-Encoding') === undefined)
      throw new TandemError('empty-request', 'the request has no body');
    if (request.is('application/json')) return read(request, response, next);
    const given = request.get('Content-Type') ?? 'none';
    throw new TandemError(
      'unsupported-media-type',
      `the content type is ${given}, and this address takes application/json alone`,
    );
  };
}
