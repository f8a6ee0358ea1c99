import { STATUS_CODES } from 'node:http';
import type { RequestHandler } from 'express';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { oas31 } from 'zod-openapi';
import { type ErrorCode, errorTable, TandemError } from '../../../errors.ts';
import { product } from '../../../product.ts';
import { basePathOf } from '../../http/base-path.ts';
import { problemResponses } from '../../http/problem-responses.ts';
import { readPath } from '../../http/query.ts';
import type { Route } from '../../http/route.ts';
import type { Access } from '../../pipeline/access.ts';

const links = { api: '/openapi.json', heads: '/v1/heads', jobs: '/v1/jobs', ready: '/readyz' };
const indexSchema = z
  .object({ name: z.string(), version: z.string(), links: z.record(z.string(), z.string()) })
  .meta({ id: 'Index', example: { name: product.name, version: product.version, links } });
const codeParameter = {
  path: z.object({
    code: z
      .string()
      .regex(/^[\w-]{1,64}$/, 'must be up to 64 of A-Z a-z 0-9 _ -')
      .meta({
        description: 'The end of a problem’s type.',
        example: 'unknown-head',
        enum: Object.keys(errorTable),
      }),
  }),
};

/**
 * What the server says of itself: where things are, the API's description, a page for each kind of problem.
 * @param sendPage answers browsers at `/`
 */
export function aboutRoutes(
  describe: (asked: { keyless: boolean; basePath: string }) => oas31.OpenAPIObject,
  access: Access,
  sendPage: RequestHandler<Record<string, string>>,
): Route[] {
  const descriptions = new LRUCache<string, string>({ max: 100 });
  return [
    {
      method: 'get',
      path: '/',
      operation: {
        operationId: 'index',
        summary: 'Name, version and where to go from here; for browsers the web page',
        responses: {
          '200': {
            description: 'The links; the page where the request prefers HTML.',
            content: {
              'application/json': { schema: indexSchema },
              'text/html': { schema: z.string(), example: '<!doctype html>' },
            },
          },
          ...problemResponses(),
        },
      },
      handlers: [
        (request, response, next) => {
          response.vary('Accept');
          if (request.accepts(['json', 'html']) === 'html') return sendPage(request, response, next);
          const base = basePathOf(request);
          const below = Object.entries(links).map(([name, place]) => [name, `${base}${place}`]);
          response.json({ name: product.name, version: product.version, links: Object.fromEntries(below) });
        },
      ],
    },
    {
      method: 'get',
      path: '/openapi.json',
      operation: {
        operationId: 'describeApi',
        summary: 'This description',
        responses: {
          '200': {
            description: 'OpenAPI 3.1.',
            content: {
              'application/json': {
                schema: z.record(z.string(), z.unknown()),
                example: { openapi: '3.1.1', info: { title: product.name, version: product.version } },
              },
            },
          },
          ...problemResponses(),
        },
      },
      handlers: [
        async (request, response) => {
          const asked = { keyless: (await access(undefined)) === 'open', basePath: basePathOf(request) };
          const key = JSON.stringify(asked);
          const known = descriptions.get(key) ?? JSON.stringify(describe(asked), null, 2);
          descriptions.set(key, known);
          response.type('json').send(known);
        },
      ],
    },
    {
      method: 'get',
      path: '/problems/{code}',
      operation: {
        operationId: 'explainProblem',
        summary: 'What a kind of problem is and what to do',
        requestParams: codeParameter,
        responses: {
          '200': {
            description: 'The page.',
            content: { 'text/plain': { schema: z.string(), example: explain('unknown-head') } },
          },
          ...problemResponses('not-found'),
        },
      },
      handlers: [problemPage],
    },
  ];
}

const problemPage: RequestHandler<Record<string, string>> = (request, response) => {
  const { code } = readPath(request, codeParameter);
  if (!Object.hasOwn(errorTable, code))
    throw new TandemError('not-found', `no problem is called ${JSON.stringify(code)}`);
  response.type('text/plain').send(explain(code as ErrorCode));
};

function explain(code: ErrorCode): string {
  const { title, status, fix } = errorTable[code];
  return `${title}\n\nHTTP status: ${status} ${STATUS_CODES[status]}\nWhat to do: ${fix}\n`;
}
