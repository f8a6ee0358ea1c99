import { createDocument, type oas31 } from 'zod-openapi';
import { product } from '../../product.ts';
import { apiTags } from './api-tags.ts';
import { problemResponses, responsesOf } from './problem-responses.ts';
import type { Route } from './route.ts';

const guardProblems = responsesOf(['unauthorized', 'forbidden', 'rate-limited']);
const pathProblems = problemResponses('invalid-request');

/**
 * The API's description, OpenAPI 3.1, from the routes that answer it.
 * @param basePath what the addresses begin with
 * @param keyless whether callers without a key are let in: then a key is one of two ways, else the only one
 */
export function describeApi(
  routes: readonly Route[],
  { keyless, basePath = '' }: { keyless: boolean; basePath?: string },
): oas31.OpenAPIObject {
  const paths = Map.groupBy(routes, ({ path }) => path);
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: product.name,
      version: product.version,
      description: 'Fine-tunes and serves image+text classifiers.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: basePath || '/' }],
    tags: Object.entries(apiTags).map(([name, description]) => ({ name, description })),
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'A key that `keys create` made on the server.',
        },
      },
    },
    paths: Object.fromEntries(
      [...paths].map(([path, group]) => [
        path,
        Object.fromEntries(group.map((route) => [route.method, describe(route, keyless)])),
      ]),
    ),
  });
}

/** The operation with what its scope, and the names in its path, add. */
function describe({ scope, operation: own }: Route, keyless: boolean): Route['operation'] {
  const operation = own.requestParams?.path
    ? { ...own, responses: { ...pathProblems, ...own.responses } }
    : own;
  if (!scope) return operation;
  return {
    ...operation,
    // OpenAPI 3.1 lets any scheme list the scopes, or roles, that an operation asks for.
    security: [{ key: [scope] }, ...(keyless ? [{}] : [])],
    responses: { ...operation.responses, ...guardProblems },
  };
}
