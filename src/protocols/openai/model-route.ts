import { z } from 'zod';
import { pretrainedNames } from '../../modalities/registry.ts';
import { product } from '../../product.ts';
import { problemResponses } from '../http/problem-responses.ts';
import type { Route } from '../http/route.ts';
import type { Services } from '../pipeline/services.ts';
import { openAiError } from './openai-error.ts';

const modelsSchema = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        id: z.string().meta({ description: 'What `model` of /v1/embeddings may be.' }),
        object: z.literal('model'),
        created: z.int().meta({ description: 'Always 0: an encoder is not dated.' }),
        owned_by: z.string(),
        modalities: z.array(z.enum(pretrainedNames)).meta({
          description: 'What it embeds: of a pair of encoders that share a space, both.',
        }),
        dimensions: z.int().meta({ description: 'Values of an embedding.' }),
        loaded: z.boolean().meta({
          description: 'Whether it is in memory; one that is not is loaded when it is asked.',
        }),
      }),
    ),
  })
  .meta({
    id: 'ModelList',
    example: {
      object: 'list',
      data: [
        {
          ...{ id: 'all-MiniLM-L6-v2', object: 'model', created: 0, owned_by: product.command },
          ...{ modalities: ['text'], dimensions: 384, loaded: true },
        },
      ],
    },
  });

/** `GET /v1/models`, where OpenAI's clients look for what they can ask for embeddings. */
export function modelRoutes(services: Pick<Services, 'models'>): Route[] {
  const models = async (): Promise<z.infer<typeof modelsSchema>> => ({
    object: 'list',
    data: [...Map.groupBy(await services.models(), ({ id }) => id)].map(([id, encoders]) => ({
      ...{ id, object: 'model', created: 0, owned_by: product.command },
      modalities: encoders.map(({ modality }) => modality),
      dimensions: Math.max(...encoders.map(({ dimension }) => dimension)),
      loaded: encoders.every(({ isLoaded }) => isLoaded),
    })),
  });
  return [
    {
      method: 'get',
      path: '/v1/models',
      problemMembers: openAiError,
      operation: {
        operationId: 'listModels',
        summary: 'The encoders that /v1/embeddings can ask, as OpenAI’s clients list models',
        description: 'Heads, which classify, are at /v1/heads.',
        responses: {
          '200': {
            description: 'The encoders.',
            content: { 'application/json': { schema: modelsSchema } },
          },
          ...problemResponses(),
        },
      },
      handlers: [async (_request, response) => void response.json(await models())],
    },
  ];
}
