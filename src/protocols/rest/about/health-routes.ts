import { z } from 'zod';
import { problemResponses } from '../../http/problem-responses.ts';
import type { Route } from '../../http/route.ts';
import type { AppOptions } from '../../pipeline/options.ts';
import { requireReady } from '../../pipeline/readiness.ts';
import type { Services } from '../../pipeline/services.ts';

const healthSchema = z.object({ status: z.literal('ok') }).meta({ example: { status: 'ok' } });
const readySchema = z
  .object({
    status: z.literal('ready'),
    provider: z.enum(['cpu', 'cuda']),
    unfitHeads: z.array(z.string()).optional().meta({
      description:
        'Heads that this server cannot answer for, because it lacks the encoders whose features they take; left out where there are none.',
    }),
  })
  .meta({ example: { status: 'ready', provider: 'cpu' } });

/** Whether the server lives, and whether it can answer. */
export function healthRoutes(services: Services, options: AppOptions): Route[] {
  return [
    {
      method: 'get',
      path: '/healthz',
      isVital: true,
      operation: {
        operationId: 'health',
        summary: 'Whether the process lives',
        responses: {
          '200': {
            description: 'It does.',
            content: { 'application/json': { schema: healthSchema } },
          },
          ...problemResponses(),
        },
      },
      handlers: [(_request, response) => void response.json({ status: 'ok' })],
    },
    {
      method: 'get',
      path: '/readyz',
      isVital: true,
      operation: {
        operationId: 'ready',
        summary: 'Whether predictions are answered: a real inference ran a moment ago',
        responses: {
          '200': {
            description: 'They are.',
            content: {
              'application/json': { schema: readySchema },
            },
          },
          ...problemResponses('not-ready'),
        },
      },
      handlers: [
        async (_request, response) => {
          await requireReady(services, options);
          const unfitHeads = services.unfitHeads();
          response.json({
            status: 'ready',
            provider: services.provider,
            ...(unfitHeads.length > 0 && { unfitHeads }),
          });
        },
      ],
    },
  ];
}
