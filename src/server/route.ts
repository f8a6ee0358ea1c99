import type { Express, RequestHandler } from 'express';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { type ErrorCode, errorTable, TandemError } from '../errors.ts';
import { problemSchema } from './problems.ts';

/** One operation: what answers it, and how the API's description shows it. The two stand together so that they agree. */
export interface Route {
  method: 'get' | 'post' | 'delete';
  /** As OpenAPI writes it: `/v1/jobs/{id}`. */
  path: string;
  operation: ZodOpenApiOperationObject;
  handlers: RequestHandler<Record<string, string>>[];
}

/** Registers routes, and answers every other method on their paths with 405. */
export function addRoutes(app: Express, routes: readonly Route[]): void {
  for (const [path, group] of Map.groupBy(routes, (route) => route.path)) {
    const registered = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const { method, handlers } of group) registered[method](...handlers);
    const allowed = group.map(({ method }) => method.toUpperCase()).join(', ');
    registered.all((request, response) => {
      response.set('Allow', allowed);
      throw new TandemError('method-not-allowed', `${path} takes ${allowed}, not ${request.method}`);
    });
  }
}

/** The problems that an operation may answer with, by status. */
export function problemResponses(...codes: ErrorCode[]): ZodOpenApiOperationObject['responses'] {
  const byStatus = Map.groupBy([...codes, 'internal' as const], (code) => String(errorTable[code].status));
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `${code}: ${errorTable[code].title}.`).join(' '),
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    ]),
  );
}
