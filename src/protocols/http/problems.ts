import type { ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { errorTable, TandemError } from '../../errors.ts';
import { storageError } from '../../store/storage-error.ts';
import { describeFields } from '../pipeline/field-errors.ts';
import { type RequestLog, requestIdOf } from '../pipeline/request-log.ts';
import { basePathOf } from './base-path.ts';
import { describeBodyError } from './body.ts';

/** An error as it is sent: RFC 9457, with what to do next. */
export const problemSchema = z
  .looseObject({
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

/** Most characters of a detail, and of each place and its detail: names that callers send are echoed in them. */
const longest = { detail: 2000, at: 200, itemDetail: 500 };
/** Most places that a problem lists. */
const mostItems = 100;

/**
 * A text of a problem, cut where it is too long to be read by anyone.
 * @example clipped('aaaa', 2) // 'aa… (4 characters)'
 */
export function clipped(text: string, most = longest.detail): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most).toWellFormed()}… (${text.length} characters)`;
}

/**
 * An error as the body of a response; long texts are cut, and long lists end early.
 * @param options `instance`: the request's id; `basePath`: what links begin with
 * @example describeProblem(new TandemError('empty-request', 'inputs[0]: it has neither image, text nor table'))
 */
export function describeProblem(
  { code, message, fix, items }: TandemError,
  { instance, basePath = '' }: { instance?: string; basePath?: string } = {},
): Problem {
  const { title, status } = errorTable[code];
  const errors = items
    .slice(0, mostItems)
    .map(({ at, detail }) => ({ at: clipped(at, longest.at), detail: clipped(detail, longest.itemDetail) }));
  return {
    type: `${basePath}/problems/${code}`,
    title,
    status,
    detail: clipped(message),
    fix,
    instance,
    errors,
  };
}

/** Answers every error that a handler throws, and logs those that the operator must know of. */
export function handleErrors(log: RequestLog): ErrorRequestHandler {
  return (error, request, response, _next) => {
    response.locals.onFailure?.();
    // A caller who left in the middle of the body: nobody is there to answer, and nothing is wrong here.
    if (request.destroyed && !request.complete) return;
    const known = toTandemError(error);
    const { status, title } = errorTable[known.code];
    if (known.code === 'storage-unavailable') log.failed(request, error, title);
    else if (status === 500) log.failed(request, error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const problem = describeProblem(known, {
      instance: requestIdOf(response),
      basePath: basePathOf(request),
    });
    if (known.retryAfter !== undefined)
      response.set('Retry-After', String(Math.max(1, Math.ceil(known.retryAfter))));
    const members = response.locals.problemMembers?.(problem);
    response
      .status(problem.status)
      .type('application/problem+json')
      .send(JSON.stringify({ ...problem, ...members }));
  };
}

/** What a library throws, as one of ours. */
export function toTandemError(error: unknown): TandemError {
  if (error instanceof TandemError) return error;
  if (error instanceof z.ZodError) return describeFields(error);
  const bodyError = describeBodyError(error);
  if (bodyError) return bodyError;
  const away = storageError(error);
  if (away) return away;
  // Express and body-parser mark what the caller did wrong.
  if (error instanceof Error && 'status' in error && Number(error.status) < 500)
    return new TandemError('invalid-request', error.message, { cause: error });
  return new TandemError('internal', 'an unexpected error; the log has it under this request’s id', {
    cause: error,
  });
}
