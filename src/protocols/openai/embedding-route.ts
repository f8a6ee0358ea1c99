import type { RequestHandler } from 'express';
import { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { decodeBase64Image } from '../../modalities/image/base64.ts';
import type { PretrainedName } from '../../modalities/registry.ts';
import { encoderName } from '../../training/choices.ts';
import { boundedList } from '../http/bounded-list.ts';
import { jsonWithList, sendJson } from '../http/json-answer.ts';
import { readJson } from '../http/json-body.ts';
import { encodingProblems, problemResponses } from '../http/problem-responses.ts';
import type { Route } from '../http/route.ts';
import { departure, withDeadline } from '../pipeline/deadline.ts';
import type { AppOptions } from '../pipeline/options.ts';
import { headVersion } from '../pipeline/path-names.ts';
import type { Services } from '../pipeline/services.ts';
import { checkText } from '../rest/predictions/prediction-request.ts';
import { openAiError } from './openai-error.ts';

/** Most inputs of one request, as OpenAI has it. */
const mostInputs = 2048;
const tooMany = `more than ${mostInputs} are too many; send them in several requests`;

const tooFew = 'there are none; send at least one text or image';

const isImage = (input: string) => /^data:image\//i.test(input);

/** What is wrong with an input that is none of those that there are, nor a list of them. */
function whyInputIsNone({ input }: { input?: unknown }): string {
  if (input === undefined) return 'it is missing; send a text, an image, or a list of them';
  if (!Array.isArray(input)) return 'it is no text or image; send one, or a list of them';
  if (input.length > mostInputs) return tooMany;
  const wrong = input.findIndex((item) => !itemSchema.safeParse(item).success);
  if (typeof input[wrong] === 'number' || Array.isArray(input[wrong]))
    return 'these are numbers of tokens, of another model’s vocabulary; send the texts themselves';
  return `its item ${wrong} is no text or image`;
}

/** As OpenAI has it, and as Jina's servers and those that follow them do. */
const itemSchema = z.union([
  z.string(),
  z.strictObject({ text: z.string() }),
  z.strictObject({ image: z.string().meta({ description: 'Base64, or a data URL.' }) }),
]);

const requestSchema = z
  .strictObject({
    model: z.union([encoderName, headVersion]).optional().meta({
      description:
        'Id of an encoder, as `GET /v1/models` lists them, or of several, as `a+b`: an embedding is then theirs, one behind the other. `pets@3` or `pets@production`: as the encoder of this head embeds, with the blocks of it that were tuned with the head. Without it, the server’s for texts or for images, as the inputs are.',
    }),
    input: z
      .union([itemSchema, boundedList(itemSchema, { least: 1, most: mostInputs, tooFew, tooMany })], {
        error: whyInputIsNone,
      })
      .meta({
        description:
          'Texts and images: one, or several. A string is a text, or an image as a data URL (`data:image/jpeg;base64,…`). Both kinds in one request need a model that embeds both. No token numbers.',
      }),
    encoding_format: z.enum(['float', 'base64']).default('float').meta({
      description: '`base64` is of little-endian 32-bit floats.',
    }),
    dimensions: z.int().min(1).optional().meta({
      description:
        'Values of an embedding: its first ones, scaled to length 1. By default all, as the encoder gives them.',
    }),
    user: z.string().optional().meta({ description: 'Not looked at.' }),
  })
  .meta({ id: 'EmbeddingRequest', example: { input: ['a red bike', 'a green bike'] } });

const responseSchema = z
  .object({
    object: z.literal('list'),
    model: z.string(),
    data: z.array(
      z.object({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .meta({
    id: 'EmbeddingResponse',
    example: {
      object: 'list',
      model: 'all-MiniLM-L6-v2',
      data: [{ object: 'embedding', index: 0, embedding: [0.04, -0.01] }],
      usage: { prompt_tokens: 5, total_tokens: 5 },
    },
  });

/** `POST /v1/embeddings`, as OpenAI's clients know it. */
export function embeddingRoutes(services: Services, options: AppOptions): Route[] {
  return [
    {
      method: 'post',
      path: '/v1/embeddings',
      problemMembers: openAiError,
      operation: {
        operationId: 'embed',
        summary: 'The encoders’ features of texts or images, as OpenAI’s clients ask for embeddings',
        requestBody: { required: true, content: { 'application/json': { schema: requestSchema } } },
        responses: {
          '200': {
            description: 'The embeddings, in the order of the inputs.',
            content: { 'application/json': { schema: responseSchema } },
          },
          ...problemResponses(
            ...encodingProblems,
            'unknown-encoder',
            'unknown-head',
            'head-conflict',
            'damaged-artifact',
          ),
        },
      },
      handlers: [readJson(options.maximumRequestBytes), answerEmbeddings(services, options)],
    },
  ];
}

function answerEmbeddings(services: Services, options: AppOptions): RequestHandler {
  return async (request, response) => {
    const { model, input, encoding_format: format, dimensions } = requestSchema.parse(request.body);
    const inputs = (Array.isArray(input) ? input : [input]).map(modalityAndContent);
    const [first] = inputs;
    const others = inputs.some(({ modality }) => modality !== first?.modality);
    if (!first || (others && model === undefined))
      throw new TandemError(
        'invalid-request',
        'input: texts and images come from different encoders; name a model that embeds both, or ask for them one after the other',
      );
    const used = model ?? services.encoders[first.modality];
    const readable = inputs.map(({ modality, content }, index) => ({
      ...{ modality, encoder: model },
      input:
        modality === 'image'
          ? readImage(content, `input[${index}]`)
          : readText(content, `input[${index}]`, options),
    }));
    const left = departure(response);
    const embedded = await withDeadline(left, options.requestTimeout, (signal) =>
      services.embed(readable, signal),
    );
    const tokens = embedded.reduce(
      (sum, { cost }, index) => sum + (inputs[index]?.modality === 'text' ? cost : 0),
      0,
    );
    const list = {
      object: 'list',
      model: used,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
    const shortened = embedded.map(({ features }) => shortenedTo(features, dimensions));
    const data = shortened.values().map((features, index) => ({
      object: 'embedding',
      index,
      embedding: format === 'float' ? Array.from(features) : toBase64(features),
    }));
    await sendJson(response, jsonWithList(list, 'data', data), left);
  };
}

function modalityAndContent(item: z.infer<typeof itemSchema>): { modality: PretrainedName; content: string } {
  if (typeof item === 'string') return { modality: isImage(item) ? 'image' : 'text', content: item };
  return 'image' in item
    ? { modality: 'image', content: item.image }
    : { modality: 'text', content: item.text };
}

/** The first values of an embedding, scaled to length 1; all of them as they are where that is as many. */
function shortenedTo(features: Float32Array, dimensions = features.length): Float32Array {
  if (dimensions > features.length)
    throw new TandemError(
      'invalid-request',
      `dimensions: an embedding of this model has ${features.length} values, not ${dimensions}`,
    );
  if (dimensions === features.length) return features;
  const kept = features.subarray(0, dimensions);
  const length = Math.hypot(...kept);
  return length === 0 ? kept.slice() : kept.map((value) => value / length);
}

function readImage(text: string, at: string): Uint8Array {
  try {
    return decodeBase64Image(text);
  } catch (error) {
    throw error instanceof TandemError ? error.at(at) : error;
  }
}

function readText(text: string, at: string, options: AppOptions): string {
  if (text.trim() === '') throw new TandemError('empty-request', `${at}: it is empty`);
  const problem = checkText(text, at, options.maximumTextCharacters);
  if (problem) throw problem;
  return text;
}

function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
