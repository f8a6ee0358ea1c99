import { z } from 'zod';
import { problemResponses } from '../../http/problem-responses.ts';
import type { Route } from '../../http/route.ts';
import type { Metrics } from '../../pipeline/metrics.ts';

/** `GET /metrics`, for Prometheus. */
export function metricsRoutes(metrics: Metrics | undefined): Route[] {
  if (!metrics) return [];
  return [
    {
      method: 'get',
      path: '/metrics',
      scope: 'predict',
      isVital: true,
      operation: {
        operationId: 'metrics',
        summary: 'What the server counts, in Prometheus’s text format',
        responses: {
          '200': {
            description: 'The metrics.',
            content: {
              'text/plain': {
                schema: z.string(),
                example: 'tandem_predictions_total{head="emoji",version="1",outcome="ok"} 3\n',
              },
            },
          },
          ...problemResponses(),
        },
      },
      handlers: [
        async (_request, response) => void response.type(metrics.contentType).send(await metrics.text()),
      ],
    },
  ];
}
