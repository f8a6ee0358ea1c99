import express, { type Express } from 'express';
import type { Logger } from 'pino';
import { TandemError } from '../errors.ts';
import { product } from '../product.ts';
import { headRoutes } from './head-routes.ts';
import { jobRoutes } from './job-routes.ts';
import { describeApi } from './openapi.ts';
import { predictRoutes } from './predict-route.ts';
import { handleErrors, problemPage } from './problems.ts';
import { RequestLog } from './request-log.ts';
import { addRoutes, type Route } from './route.ts';
import type { Services } from './services.ts';

export interface AppOptions {
  logger: Logger;
  /** Head of requests that name none. */
  defaultHead: string;
  /** Folder for uploads; they are streamed there, never whole in memory. */
  uploadFolder: string;
  /** Milliseconds until a prediction is given up. */
  requestTimeout: number;
  maximumRequestBytes: number;
  maximumUploadBytes: number;
}

/** Every documented operation. */
export function apiRoutes(services: Services, options: AppOptions): Route[] {
  return [...predictRoutes(services, options), ...headRoutes(services), ...jobRoutes(services, options)];
}

/**
 * The HTTP application: it turns requests into calls of the services and what comes back into responses.
 * @example createApp(services, options).listen(8080);
 */
export function createApp(services: Services, options: AppOptions): Express {
  const log = new RequestLog(options.logger);
  const routes = apiRoutes(services, options);
  const description = JSON.stringify(describeApi(routes), null, 2);
  const app = express();
  app.disable('x-powered-by');
  app.use(log.middleware);
  app.use((_request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    next();
  });
  addRoutes(app, routes);
  app.get('/openapi.json', (_request, response) => void response.type('json').send(description));
  app.get('/problems/:code', problemPage);
  app.get('/', (_request, response) => {
    const { name, version } = product;
    response.json({
      name,
      version,
      links: { api: '/openapi.json', heads: '/v1/heads', jobs: '/v1/jobs', ready: '/readyz' },
    });
  });
  app.use((request) => {
    throw new TandemError('not-found', `there is nothing at ${request.path}`);
  });
  app.use(handleErrors(log));
  return app;
}
