import { createDocument, type oas31 } from 'zod-openapi';
import { product } from '../product.ts';
import type { Route } from './route.ts';

/** The API's description, OpenAPI 3.1, from the routes that answer it. */
export function describeApi(routes: readonly Route[]): oas31.OpenAPIObject {
  const paths = Map.groupBy(routes, ({ path }) => path);
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: product.name,
      version: product.version,
      description: 'Fine-tunes and serves image+text classifiers.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: Object.fromEntries(
      [...paths].map(([path, group]) => [
        path,
        Object.fromEntries(group.map(({ method, operation }) => [method, operation])),
      ]),
    ),
  });
}
