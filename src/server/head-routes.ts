import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { modalities } from '../inference/prediction.ts';
import { problemResponses } from './problem-responses.ts';
import type { Route } from './route.ts';
import type { HeadSummary, Services } from './services.ts';

const exampleFigures = {
  examples: 300,
  accuracy: 0.91,
  macroF1: 0.9,
  negativeLogLikelihood: 0.31,
  calibrationError: 0.02,
};
const figures = z
  .record(z.string(), z.number())
  .meta({ description: 'By name; which there are depends on the target.', example: exampleFigures });
export const targetSchema = z.enum(['single', 'multi', 'regression']).meta({
  id: 'Target',
  description: 'What a head says: one label, any of several, or a number.',
});
export const metricsSchema = z
  .object({ fused: figures, image: figures.optional(), text: figures.optional() })
  .meta({ id: 'Metrics', description: 'On the test split: together, and each modality alone.' });

const exampleHead = {
  name: 'emoji',
  version: 1,
  target: 'single',
  labels: ['animals-nature', 'food-drink'],
  modalities: ['image', 'text'],
  createdAt: '2026-01-31T12:00:00.000Z',
  metrics: { fused: exampleFigures, image: exampleFigures, text: exampleFigures },
};
const headSchema = z
  .object({
    name: z.string(),
    version: z.int(),
    target: targetSchema,
    labels: z.array(z.string()),
    modalities: z.array(z.enum(modalities)),
    createdAt: z.iso.datetime(),
    metrics: metricsSchema,
  })
  .meta({
    id: 'Head',
    example: exampleHead,
  }) satisfies z.ZodType<HeadSummary>;
const headsSchema = z.object({ heads: z.array(headSchema) }).meta({ example: { heads: [exampleHead] } });
const healthSchema = z.object({ status: z.literal('ok') }).meta({ example: { status: 'ok' } });
const readySchema = z
  .object({ status: z.literal('ready'), provider: z.enum(['cpu', 'cuda']) })
  .meta({ example: { status: 'ready', provider: 'cpu' } });

/** `GET /v1/heads`, and whether the server lives and can answer. */
export function headRoutes({ heads, ready, provider }: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/heads',
      scope: 'predict',
      operation: {
        operationId: 'listHeads',
        summary: 'The latest version of every head',
        responses: {
          '200': {
            description: 'The heads.',
            content: { 'application/json': { schema: headsSchema } },
          },
          ...problemResponses('damaged-artifact'),
        },
      },
      handlers: [async (_request, response) => void response.json({ heads: await heads() })],
    },
    {
      method: 'get',
      path: '/healthz',
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
          if (!(await ready())) throw new TandemError('not-ready', 'the encoders do not answer');
          response.json({ status: 'ready', provider });
        },
      ],
    },
  ];
}
