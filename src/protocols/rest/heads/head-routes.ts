import { z } from 'zod';
import { hubOrigin } from '../../../encoders/origin.ts';
import { type Acceptance, acceptanceSchema } from '../../../heads/registry/acceptance.ts';
import { modalityNames } from '../../../modalities/registry.ts';
import { targetKinds } from '../../../targets/target-kind.ts';
import { pageQuerySchema } from '../../http/page.ts';
import { problemResponses } from '../../http/problem-responses.ts';
import { readQuery } from '../../http/query.ts';
import type { Route } from '../../http/route.ts';
import type { DamagedHead, HeadSummary, Services } from '../../pipeline/services.ts';

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
export const targetSchema = z.enum(targetKinds).meta({
  id: 'Target',
  description: 'What a head says: one label, any of several, or a number.',
});
export const metricsSchema = z
  .object({ fused: figures, unimodal: z.partialRecord(z.enum(modalityNames), figures) })
  .meta({ id: 'Metrics', description: 'On the test split: together, and each modality alone.' });

export const exampleAcceptance = {
  accuracy: 0.95,
  threshold: 0.81,
  reachedBy: 'interval',
  rows: 300,
  accepted: 240,
  right: 235,
} satisfies Acceptance;

/** Which answers of a head are accepted. */
export const acceptanceResponse = acceptanceSchema.meta({
  id: 'Acceptance',
  description:
    'An answer is accepted from this threshold on. `reachedBy` says whether the lower end of the 95 % interval of the accuracy reaches the wish on the held-out rows, or only the accuracy itself.',
  example: exampleAcceptance,
});

const exampleHead = {
  name: 'emoji',
  version: 1,
  target: 'single',
  labels: ['animals-nature', 'food-drink'],
  modalities: ['image', 'text'],
  encoders: [
    { modality: 'image', id: 'efficientnet-lite0-whole', dimension: 1280, fingerprint: '9421d83d…' },
    { modality: 'text', id: 'all-MiniLM-L6-v2', dimension: 384, fingerprint: '8fbee7a7…' },
  ],
  createdAt: '2026-01-31T12:00:00.000Z',
  metrics: { fused: exampleFigures, unimodal: { image: exampleFigures, text: exampleFigures } },
  decides: false,
};
const encoderFacts = {
  id: z.string(),
  dimension: z.int(),
  fingerprint: z.string(),
  license: z
    .string()
    .optional()
    .meta({ description: 'Of the encoder’s weights, as their model card names it.' }),
  origin: hubOrigin.optional().meta({
    description:
      'Where it was added by its name: the model of the hub, as `OWNER/NAME@COMMIT`, and how it was read. `encoders add` makes the same again.',
  }),
};
/** The encoders of a head. */
export const takenEncoders = z
  .array(
    z.object({
      modality: z.enum(modalityNames),
      ...encoderFacts,
      parts: z.array(z.object(encoderFacts)).optional().meta({
        description:
          'Of several encoders whose features are concatenated, each, in their order; the id is then theirs with `+` between.',
      }),
      companion: z.object({ id: z.string(), dimension: z.int(), fingerprint: z.string() }).optional().meta({
        description:
          'Features that the head takes beside the encoder’s: `lexical` of the characters of texts. They were fitted to its training rows and are part of it.',
      }),
      columns: z
        .array(z.object({ name: z.string(), kind: z.string() }))
        .optional()
        .meta({
          description:
            'Of a modality of several columns: which, and whether each holds numbers or categories.',
        }),
    }),
  )
  .meta({ description: 'Whose features it takes: of the same fingerprint, or they mean nothing to it.' });

const headSchema = z
  .object({
    name: z.string(),
    version: z.int(),
    target: targetSchema,
    labels: z.array(z.string()),
    modalities: z.array(z.enum(modalityNames)),
    encoders: takenEncoders,
    createdAt: z.iso.datetime(),
    metrics: metricsSchema,
    acceptance: acceptanceResponse
      .optional()
      .meta({ description: 'Which answers are accepted; omitted where no threshold is set.' }),
    decides: z.boolean().meta({
      description:
        'Whether answers say `decision`: of labels where a threshold is set, of numbers where the head knows what is unlike its training.',
    }),
  })
  .meta({
    id: 'Head',
    example: exampleHead,
  }) satisfies z.ZodType<HeadSummary>;
const damagedSchema = z.object({ name: z.string(), version: z.int(), problem: z.string() }).meta({
  id: 'DamagedHead',
  example: { name: 'pets', version: 3, problem: 'pets@3 cannot be used: Unexpected end of JSON input' },
}) satisfies z.ZodType<DamagedHead>;
const headsSchema = z
  .object({
    offset: z.int(),
    total: z.int(),
    heads: z.array(headSchema),
    damaged: z.array(damagedSchema).optional().meta({
      description: 'Versions of this page that cannot be used, and why; omitted where there are none.',
    }),
  })
  .meta({ example: { offset: 0, total: 1, heads: [exampleHead] } });
/** `GET /v1/heads`. */
export function headRoutes({ heads }: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/heads',
      scope: 'predict',
      operation: {
        operationId: 'listHeads',
        summary: 'The latest version of every head, page by page',
        requestParams: { query: pageQuerySchema },
        responses: {
          '200': {
            description: 'So many of the heads as were asked for, and how many there are.',
            content: { 'application/json': { schema: headsSchema } },
          },
          ...problemResponses('invalid-request', 'damaged-artifact'),
        },
      },
      handlers: [
        async (request, response) => {
          const page = readQuery(request, pageQuerySchema);
          const { damaged, ...listed } = await heads(page);
          response.json({ offset: page.offset, ...listed, ...(damaged.length > 0 && { damaged }) });
        },
      ],
    },
  ];
}
