import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RequestHandler } from 'express';
import { type ErrorCode, errorTable, TandemError } from '../../errors.ts';
import { describeProblem } from './problems.ts';

/**
 * Refuses what parses as HTTP and cannot be meant: no or several Host headers, of which each reader would choose its own
 * (RFC 9112, 3.2),
 * a NUL character in the query, as paths have patterns, and expectations that nobody knows. Passes on TandemError
 * `invalid-request`, `expectation-failed`.
 */
export const refuseMalformed: RequestHandler = (request, _response, next) => {
  const hosts = request.headersDistinct.host?.length ?? 0;
  if (hosts > 1 || (hosts === 0 && request.httpVersion !== '1.0'))
    throw new TandemError('invalid-request', `the request has ${hosts || 'no'} Host headers`, {
      fix: 'Send one Host header.',
    });
  const query = request.url.indexOf('?');
  if (query >= 0 && request.url.includes('%00', query))
    throw new TandemError('invalid-request', 'the query contains a NUL character (%00)', {
      fix: 'Send the query without it.',
    });
  const expected = request.get('Expect');
  if (expected !== undefined && expected.toLowerCase() !== '100-continue')
    throw new TandemError('expectation-failed', 'the request expects something else than 100-continue');
  next();
};

/** What Node's parser says, as a problem. */
const parserErrors: Record<string, { code: ErrorCode; detail: string }> = {
  HPE_HEADER_OVERFLOW: {
    code: 'headers-too-large',
    detail: 'the headers of the request are larger than 16 KiB',
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    code: 'payload-too-large',
    detail: 'the chunk extensions of the request are larger than 16 KiB',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 'request-timeout',
    detail: 'the headers of the request did not arrive in time',
  },
};
const notHttp = { code: 'invalid-request', detail: 'the request is not valid HTTP' } as const;

/** Answers with a problem what never becomes a request, and hands unknown expectations to {@link refuseMalformed}. */
export function answerUnparsed(server: Server): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', ({ socket }: IncomingMessage, response) => answers.set(socket, response));
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const { code, detail } = parserErrors[error.code ?? ''] ?? notHttp;
    const answer = answers.get(socket);
    const isBegun = answer?.headersSent === true && !answer.writableFinished;
    if (socket.writable && !isBegun && error.code !== 'ECONNRESET')
      socket.write(rawAnswer(new TandemError(code, detail)));
    socket.destroy();
  });
}

function rawAnswer(error: TandemError): string {
  const { status } = errorTable[error.code];
  const body = JSON.stringify(describeProblem(error));
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}
