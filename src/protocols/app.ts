import express, { type Express } from 'express';
import { TandemError } from '../errors.ts';
import { readBasePath } from './http/base-path.ts';
import { refuseMalformed } from './http/malformed-requests.ts';
import { describeApi } from './http/openapi.ts';
import { handleErrors } from './http/problems.ts';
import { addRoutes, type Route, withScope, withTag } from './http/route.ts';
import { openInferenceRoutes } from './open-inference/routes.ts';
import { embeddingRoutes } from './openai/embedding-route.ts';
import { modelRoutes } from './openai/model-route.ts';
import { openAccess, requireScope } from './pipeline/access.ts';
import { allowOrigins } from './pipeline/cross-origin.ts';
import type { AppOptions } from './pipeline/options.ts';
import { refuseOtherMachines } from './pipeline/other-machines.ts';
import { refuseOtherSites } from './pipeline/other-sites.ts';
import { RequestLog } from './pipeline/request-log.ts';
import type { Services } from './pipeline/services.ts';
import { traceRequests } from './pipeline/tracing.ts';
import { aboutRoutes } from './rest/about/about-routes.ts';
import { healthRoutes } from './rest/about/health-routes.ts';
import { metricsRoutes } from './rest/about/metrics-route.ts';
import { datasetRoutes } from './rest/datasets/dataset-routes.ts';
import { encoderRoutes } from './rest/encoders/encoder-routes.ts';
import { headRoutes } from './rest/heads/head-routes.ts';
import { versionRoutes } from './rest/heads/version-routes.ts';
import { jobRoutes } from './rest/jobs/job-routes.ts';
import { predictRoutes } from './rest/predictions/predict-route.ts';
import { pageHandler, pageRoutes } from './studio/page-routes.ts';
import { acceptCookie } from './studio/session-cookie.ts';
import { sessionRoutes } from './studio/session-routes.ts';

/** Every operation there is. */
export function apiRoutes(services: Services, options: AppOptions): Route[] {
  const routes: Route[] = [
    ...withTag('Predictions', [
      ...withScope('predict', predictRoutes(services, options)),
      ...withScope('predict', embeddingRoutes(services, options)),
      ...withScope('predict', modelRoutes(services)),
    ]),
    ...withTag('Open Inference Protocol', openInferenceRoutes(services, options)),
    ...withTag('Heads', [...headRoutes(services), ...versionRoutes(services, options)]),
    ...withTag('Datasets', withScope('train', datasetRoutes(services, options))),
    ...withTag('Jobs', withScope('train', jobRoutes(services, options))),
    ...withTag('Encoders', withScope('admin', encoderRoutes(services))),
    ...withTag('Session', sessionRoutes(options, options.access ?? openAccess)),
    ...withTag('Server', [
      ...healthRoutes(services, options),
      ...metricsRoutes(options.metrics),
      ...aboutRoutes((asked) => describeApi(routes, asked), options.access ?? openAccess, pageHandler()),
    ]),
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
  if (options.trustedProxies) app.set('trust proxy', options.trustedProxies);
  app.use(readBasePath(options.basePath ?? ''));
  app.use(log.middleware);
  if (options.traced) app.use(traceRequests);
  app.use((_request, response, next) => {
    response.set('X-Content-Type-Options', 'nosniff');
    if (options.stopping?.isDraining) response.set('Connection', 'close');
    next();
  });
  app.use(refuseMalformed);
  const origins = options.corsOrigins ?? [];
  if (origins.length > 0) app.use(allowOrigins(origins));
  if (options.sessions) app.use(acceptCookie);
  const access = options.access ?? openAccess;
  const limits = [
    ...(options.rateLimit ? [options.rateLimit.handler] : []),
    ...(options.thisMachineAlone ? [refuseOtherMachines(access)] : []),
    refuseOtherSites(access, origins),
  ];
  addRoutes(app, [...apiRoutes(services, options), ...pageRoutes()], ({ scope, isVital }) => [
    ...(options.loadShedding && !isVital ? [options.loadShedding.handler] : []),
    ...(scope ? [...limits, requireScope(scope, access, options.keyName)] : []),
  ]);
  app.use((request) => {
    throw new TandemError('not-found', `there is nothing at ${request.path}`);
  });
  app.use(handleErrors(log));
  return app;
}
