import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { MulterError } from 'multer';
import { z } from 'zod';
import { type ErrorCode, errorTable, TandemError } from '../errors.ts';
import { type RequestLog, requestIdOf } from './request-log.ts';

/** An error as it is sent: RFC 9457, with what to do next. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'Address of a page about this kind of problem.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    fix: z.string().meta({ description: 'What to do next.' }),
    instance: z
      .string()
      .optional()
      .meta({ description: 'The request id, as in the log and in X-Request-Id.' }),
    errors: z
      .array(z.object({ at: z.string(), detail: z.string() }))
      .meta({ description: 'Each bad field, row or item; empty where the whole request is meant.' }),
  })
  .meta({
    id: 'Problem',
    example: {
      type: '/problems/unknown-head',
      title: errorTable['unknown-head'].title,
      status: 404,
      detail: 'no head is named "pets"; there are: emoji',
      fix: errorTable['unknown-head'].fix,
      instance: '2f1c6a52-5a6e-4d6f-9a43-0f3e8f6f8f10',
      errors: [],
    },
  });

export type Problem = z.infer<typeof problemSchema>;

/** @example describeProblem(new TandemError('empty-request', 'inputs[0] is empty')) */
export function describeProblem({ code, message, fix, items }: TandemError, instance?: string): Problem {
  const { title, status } = errorTable[code];
  return { type: problemAddress(code), title, status, detail: message, fix, instance, errors: [...items] };
}

/** Answers every error that a handler throws, and logs those that nobody expected. */
export function handleErrors(log: RequestLog): ErrorRequestHandler {
  return (error, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const known = toTandemError(error);
    if (known.code === 'internal') log.unexpected(request, error);
    const problem = describeProblem(known, requestIdOf(response));
    if (known.retryAfter !== undefined) response.set('Retry-After', String(known.retryAfter));
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };
}

/** A page for each kind of problem: what it is and what to do. */
export const problemPage: RequestHandler<{ code: string }> = (request, response) => {
  const { code } = request.params;
  if (!Object.hasOwn(errorTable, code))
    throw new TandemError('not-found', `no problem is called ${JSON.stringify(code)}`);
  const { title, status, fix } = errorTable[code as ErrorCode];
  response
    .type('text/plain')
    .send(`${title}\n\nHTTP status: ${status} ${STATUS_CODES[status]}\nWhat to do: ${fix}\n`);
};

export function problemAddress(code: ErrorCode): string {
  return `/problems/${code}`;
}

/** What a library throws, as one of ours. */
function toTandemError(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  if (error instanceof z.ZodError) return invalidFields(error);
  if (error instanceof MulterError) {
    if (error.code === 'LIMIT_FILE_SIZE' || error.code === 'LIMIT_FIELD_VALUE')
      return new TandemError('payload-too-large', `the field ${error.field ?? ''} is too large`, {
        cause: error,
      });
    const detail = error.field ? `${error.message}: ${error.field}` : error.message;
    return new TandemError('invalid-request', detail, { cause: error });
  }
  const { type, status, message } = error as { type?: string; status?: number; message?: string };
  if (type === 'entity.too.large')
    return new TandemError('payload-too-large', `${message}`, { cause: error });
  if (status === 415) return new TandemError('unsupported-media-type', `${message}`, { cause: error });
  if (type === 'entity.parse.failed')
    return new TandemError('invalid-request', `the body is not JSON: ${message}`, { cause: error });
  // Express, body-parser and busboy mark what the caller did wrong; a multipart body that breaks off has no mark.
  if (
    (status !== undefined && status < 500) ||
    /^(Multipart|Unexpected end of (form|multipart)|Malformed part)/.test(`${message}`)
  )
    return new TandemError('invalid-request', `${message}`, { cause: error });
  return new TandemError('internal', 'an unexpected error; the log has it under this request’s id', {
    cause: error,
  });
}

function invalidFields(error: z.ZodError): TandemError {
  const items = error.issues.map((issue) => ({ at: fieldName(issue.path), detail: issue.message }));
  return new TandemError('invalid-request', items.map(({ at, detail }) => `${at}: ${detail}`).join('; '), {
    items,
  });
}

/** @example fieldName(['inputs', 3, 'image']) // 'inputs[3].image' */
function fieldName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the request';
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}
