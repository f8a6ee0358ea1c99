import express, { type Express } from 'express';
import type { Logger } from 'pino';
import { TandemError } from '../errors.ts';
import { aboutRoutes } from './about-routes.ts';
import { type Access, withScope } from './access.ts';
import { datasetRoutes } from './dataset-routes.ts';
import { headRoutes } from './head-routes.ts';
import { jobRoutes } from './job-routes.ts';
import { describeApi } from './openapi.ts';
import { predictRoutes } from './predict-route.ts';
import { handleErrors } from './problems.ts';
import { RequestLog } from './request-log.ts';
import { addRoutes, type Route } from './route.ts';
import type { Services } from './services.ts';

export interface AppOptions {
  logger: Logger;
  /** Head of requests that name none. */
  defaultHead: string;
  /** Folder for uploads; they are streamed there, never whole in memory. */
  uploadFolder: string;
  /** Milliseconds until a prediction is given up, counted from when the request is read. */
  requestTimeout: number;
  /** Largest request for predictions. */
  maximumRequestBytes: number;
  /** Largest upload of a dataset. */
  maximumUploadBytes: number;
  /** What a key may do; without this, everybody may do everything. */
  access?: Access;
  /** Most items of one request for predictions; 64 unless said. */
  maximumItems?: number;
  /** Most characters of one text; 100,000 unless said. */
  maximumTextCharacters?: number;
}

/** Every operation there is. */
export function apiRoutes(services: Services, options: AppOptions): Route[] {
  const routes: Route[] = [
    ...withScope('predict', predictRoutes(services, options)),
    ...headRoutes(services),
    ...withScope('train', datasetRoutes(services, options)),
    ...withScope('train', jobRoutes(services, options)),
    ...aboutRoutes(() => describeApi(routes)),
  ];
  return routes;
}

/**
 * The HTTP application: it turns requests into calls of the services and what comes back into responses.
 * It throws nothing; every error of a request is answered as application/problem+json.
 * @example const server = await listen(createApp(services, options), { host: '127.0.0.1', port: 8080 });
 */
export function createApp(services: Services, options: AppOptions): Express {
  const log = new RequestLog(options.logger);
  const app = express();
  app.disable('x-powered-by');
  app.use(log.middleware);
  app.use((_request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    next();
  });
  addRoutes(app, apiRoutes(services, options), options.access ?? (async () => 'open'));
  app.use((request) => {
    throw new TandemError('not-found', `there is nothing at ${request.path}`);
  });
  app.use(handleErrors(log));
  return app;
}
