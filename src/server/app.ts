import express, { type Express } from 'express';
import { TandemError } from '../errors.ts';
import { aboutRoutes } from './about/about-routes.ts';
import { healthRoutes } from './about/health-routes.ts';
import { metricsRoutes } from './about/metrics-route.ts';
import { openAccess, requireScope } from './access.ts';
import { datasetRoutes } from './datasets/dataset-routes.ts';
import { headRoutes } from './heads/head-routes.ts';
import { versionRoutes } from './heads/version-routes.ts';
import { jobRoutes } from './jobs/job-routes.ts';
import { refuseMalformed } from './malformed-requests.ts';
import { openInferenceRoutes } from './open-inference/routes.ts';
import { describeApi } from './openapi.ts';
import type { AppOptions } from './options.ts';
import { refuseOtherNames, refuseOtherSites } from './other-sites.ts';
import { embeddingRoutes } from './predictions/embedding-route.ts';
import { modelRoutes } from './predictions/model-route.ts';
import { predictRoutes } from './predictions/predict-route.ts';
import { handleErrors } from './problems.ts';
import { RequestLog } from './request-log.ts';
import { addRoutes, type Route, withScope } from './route.ts';
import type { Services } from './services.ts';
import { traceRequests } from './tracing.ts';

/** Every operation there is. */
export function apiRoutes(services: Services, options: AppOptions): Route[] {
  const routes: Route[] = [
    ...withScope('predict', predictRoutes(services, options)),
    ...withScope('predict', embeddingRoutes(services, options)),
    ...withScope('predict', modelRoutes(services)),
    ...openInferenceRoutes(services, options),
    ...headRoutes(services),
    ...versionRoutes(services, options),
    ...withScope('train', datasetRoutes(services, options)),
    ...withScope('train', jobRoutes(services, options)),
    ...healthRoutes(services, options),
    ...metricsRoutes(options.metrics),
    ...aboutRoutes((asked) => describeApi(routes, asked), options.access ?? openAccess),
  ];
  return routes;
}

/**
 * The HTTP application: it turns requests into calls of the services and what comes back into responses.
 * It throws nothing; every error of a request is answered as application/problem+json.
 * @example const server = await listen(createApp(services, options), { host: '127.0.0.1', port: 8080 });
 */
export function createApp(services: Services, options: AppOptions): Express {
  const log = new RequestLog(options.logger, options.metrics);
  const app = express();
  app.disable('x-powered-by');
  app.use(log.middleware);
  if (options.traced) app.use(traceRequests);
  app.use((_request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    if (options.stopping?.isDraining) response.set('Connection', 'close');
    next();
  });
  app.use(refuseMalformed);
  const access = options.access ?? openAccess;
  const limits = [
    ...(options.rateLimit ? [options.rateLimit.handler] : []),
    ...(options.thisMachineAlone ? [refuseOtherNames(access)] : []),
    refuseOtherSites(access),
  ];
  addRoutes(app, apiRoutes(services, options), ({ scope, isVital }) => [
    ...(options.loadShedding && !isVital ? [options.loadShedding.handler] : []),
    ...(scope ? [...limits, requireScope(scope, access)] : []),
  ]);
  app.use((request) => {
    throw new TandemError('not-found', `there is nothing at ${request.path}`);
  });
  app.use(handleErrors(log));
  return app;
}
