import type { Express, RequestHandler } from 'express';
import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { TandemError } from '../../errors.ts';
import type { Scope } from '../../store/keys.ts';
import type { apiTags } from './api-tags.ts';
import type { Problem } from './problems.ts';

/** One operation: what answers it, and how the API's description shows it. The two stand together so that they agree. */
export interface Route {
  method: 'get' | 'post' | 'put' | 'delete';
  /** As OpenAPI writes it: `/v1/jobs/{id}`. */
  path: string;
  operation: ZodOpenApiOperationObject;
  /** What clients of another protocol look for in a problem, beside our own members. */
  problemMembers?: (problem: Problem) => Record<string, unknown>;
  /** What a key must be allowed to do; anybody may ask where it is absent. */
  scope?: Scope;
  /** Whether it is answered even where requests are refused because the server is late. */
  isVital?: boolean;
  handlers: RequestHandler<Record<string, string>>[];
}

/** Marks routes with the scope that they ask for. */
export function withScope(scope: Scope, routes: readonly Route[]): Route[] {
  return routes.map((route) => ({ ...route, scope }));
}

/** Marks routes with the group that the API's description shows them in. */
export function withTag(tag: keyof typeof apiTags, routes: readonly Route[]): Route[] {
  return routes.map((route) => ({ ...route, operation: { ...route.operation, tags: [tag] } }));
}

/**
 * Registers routes, and answers every other method on their paths with 405. What stands in a path is checked by the
 * schema of its operation before any handler runs.
 * @param guards what stands before a route
 * @throws Error where a route has a parameter in its path without a schema
 */
export function addRoutes(
  app: Express,
  routes: readonly Route[],
  guards: (route: Route) => RequestHandler<Record<string, string>>[],
): void {
  for (const [path, group] of Map.groupBy(routes, (route) => route.path)) {
    const registered = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    registered.all((_request, response, next) => {
      response.locals.route = path;
      response.locals.problemMembers = group.find((route) => route.problemMembers)?.problemMembers;
      next();
    });
    for (const route of group)
      registered[route.method](...guards(route), ...checkPath(route), ...route.handlers);
    // Express answers HEAD wherever it answers GET.
    const methods = group.flatMap(({ method }) =>
      method === 'get' ? ['GET', 'HEAD'] : method.toUpperCase(),
    );
    const allowed = methods.join(', ');
    registered.all((request, response) => {
      response.set('Allow', allowed);
      throw new TandemError('method-not-allowed', `${path} takes ${allowed}, not ${request.method}`);
    });
  }
}

/** Checks the names in a path, as its operation describes them. */
function checkPath({ path, operation }: Route): RequestHandler<Record<string, string>>[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  if (names.length === 0) return [];
  const schema = operation.requestParams?.path;
  if (!(schema instanceof z.ZodObject) || names.some((name) => !(name in schema.shape)))
    throw new Error(`${path} has a parameter without a schema`);
  return [
    ({ params }, _response, next) => {
      schema.parse(params);
      next();
    },
  ];
}
