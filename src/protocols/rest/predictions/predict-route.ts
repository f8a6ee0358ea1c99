import type { RequestHandler } from 'express';
import multer from 'multer';
import { z } from 'zod';
import { TandemError } from '../../../errors.ts';
import type { Prediction } from '../../../heads/prediction.ts';
import { modalityNames } from '../../../modalities/registry.ts';
import { basePathOf } from '../../http/base-path.ts';
import { readBody } from '../../http/body.ts';
import { jsonWithList, sendJson } from '../../http/json-answer.ts';
import { predictionProblems, problemResponses } from '../../http/problem-responses.ts';
import { problemSchema } from '../../http/problems.ts';
import type { Route } from '../../http/route.ts';
import { departure, withDeadline } from '../../pipeline/deadline.ts';
import { type AppOptions, usualMaximumItems } from '../../pipeline/options.ts';
import { predictAndCount } from '../../pipeline/outcomes.ts';
import { withImages } from '../../pipeline/remote-images.ts';
import type { Services } from '../../pipeline/services.ts';
import { explainOptionsOf, explanationSchema } from './explanation-request.ts';
import { identified } from './identified-answer.ts';
import { answerLines, lineMediaType, lineQuerySchema } from './prediction-lines.ts';
import { agreeing, readPredictionQuery } from './prediction-query.ts';
import {
  formSchema,
  inputSchema,
  itemId,
  jsonSchema,
  type PredictionLimits,
  predictionReader,
  standardTopK,
} from './prediction-request.ts';

const targetPrediction = {
  labels: z
    .array(
      z.object({
        label: z.string(),
        probability: z.number(),
        given: z
          .boolean()
          .optional()
          .meta({ description: 'Of a head for several labels: whether it gives this one.' }),
      }),
    )
    .meta({ description: 'The likeliest first; empty where the head says a number.' }),
  confidence: z.number().optional().meta({ description: 'Probability of the first label.' }),
  value: z.number().optional().meta({ description: 'The number, where the head says one.' }),
  interval: z
    .object({ low: z.number(), high: z.number() })
    .optional()
    .meta({ description: 'Between which numbers the true one lies, nine times out of ten.' }),
};

const headSchema = z.object({ name: z.string(), version: z.int() });

const predictionSchema = z
  .object({
    id: itemId.optional(),
    head: headSchema.optional().meta({ description: 'Of JSON lines: which version answered this line.' }),
    ...targetPrediction,
    modalities: z.array(z.enum(modalityNames)).meta({ description: 'What the answer rests on.' }),
    unimodal: z
      .partialRecord(z.enum(modalityNames), z.object(targetPrediction))
      .meta({ description: 'What each modality says by itself.' }),
    decision: z.enum(['accepted', 'unsure']).optional().meta({
      description: 'Whether the answer may be relied on; omitted where the head accepts at no threshold.',
    }),
    reasons: z
      .array(
        z.union([
          z.object({ reason: z.literal('low-probability') }),
          z.object({ reason: z.literal('modalities-disagree') }),
          z.object({ reason: z.literal('unlike-training'), modality: z.enum(modalityNames) }),
        ]),
      )
      .optional()
      .meta({ description: 'Why it is unsure; none where it is accepted.' }),
    timings: z
      .object({ decode: z.number(), queue: z.number(), encode: z.number(), head: z.number() })
      .meta({ description: 'Milliseconds.' }),
    explanation: explanationSchema.optional(),
  })
  .meta({ id: 'Prediction' }) satisfies z.ZodType<Prediction>;

const examplePrediction: Prediction = {
  labels: [{ label: 'food-drink', probability: 0.97 }],
  confidence: 0.97,
  modalities: ['text'],
  unimodal: { text: { labels: [{ label: 'food-drink', probability: 0.97 }], confidence: 0.97 } },
  timings: { decode: 0.4, queue: 0.1, encode: 4.2, head: 0.3 },
};

const resultSchema = z.union([predictionSchema, z.object({ id: itemId.optional(), error: problemSchema })]);

const responseSchema = z
  .object({
    head: headSchema,
    results: z
      .array(resultSchema)
      .meta({ description: 'In the order of the inputs; a bad item is its own error and nobody else’s.' }),
  })
  .meta({
    id: 'PredictionResponse',
    example: {
      head: { name: 'emoji', version: 1 },
      results: [examplePrediction],
    },
  });

/** `POST /v1/predict`. */
export function predictRoutes(services: Services, options: AppOptions): Route[] {
  const limits = {
    maximumItems: options.maximumItems ?? usualMaximumItems,
    maximumTextCharacters: options.maximumTextCharacters,
  };
  const answer = answerPredictions(services, options, limits);
  const lines = answerLines(services, options, limits);
  return [
    {
      method: 'post',
      path: '/v1/predict',
      operation: {
        operationId: 'predict',
        summary: 'Classify images, texts or both',
        description: `One item as a form, up to ${limits.maximumItems} as JSON, or any number as JSON lines, which are answered while they come in. head, topK and what is asked of explanations may stand in the address, where JSON lines have their only place. An item may lack its image or its text: the head then answers from what is there. An item of JSON may have an id, which comes back with its answer; each line of JSON lines names the version that answered it, as an alias may be switched meanwhile.`,
        requestParams: { query: lineQuerySchema },
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: jsonSchema(limits) },
            'multipart/form-data': { schema: formSchema },
            [lineMediaType]: { schema: inputSchema, example: { id: 'listing-71', text: 'a slice of pizza' } },
          },
        },
        responses: {
          '200': {
            description: 'The answers; for JSON lines a line each, in their order.',
            content: {
              'application/json': { schema: responseSchema },
              [lineMediaType]: {
                schema: resultSchema,
                example: { id: 'listing-71', head: { name: 'emoji', version: 1 }, ...examplePrediction },
              },
            },
          },
          ...problemResponses(...predictionProblems, 'remote-file', 'remote-disabled'),
        },
      },
      handlers: [
        (request, response, next) => {
          readPredictionQuery(request);
          return request.is(lineMediaType) ? lines(request, response, next) : next();
        },
        readBody({
          maximumBytes: options.maximumRequestBytes,
          file: 'image',
          storage: multer.memoryStorage(),
          whenEmpty: 'empty-request',
        }),
        answer,
      ],
    },
  ];
}

/** Answers a form or a JSON request. */
function answerPredictions(
  services: Services,
  options: AppOptions,
  limits: PredictionLimits,
): RequestHandler {
  const { defaultHead, requestTimeout } = options;
  const parse = predictionReader(limits);
  return async (request, response) => {
    const { inputs, ids, ...body } = parse(request);
    const {
      head = defaultHead,
      topK = standardTopK,
      ...asked
    } = agreeing(readPredictionQuery(request), body);
    const explain = explainOptionsOf(asked, inputs.length);
    throwOnlyError(inputs);
    const left = departure(response);
    const answered = await withDeadline(left, requestTimeout, async (signal) => {
      const complete = await withImages(inputs, {
        fetchImage: options.fetchImage,
        maximumBytes: options.maximumRequestBytes,
        signal,
      });
      throwOnlyError(complete);
      return predictAndCount(services, options.metrics, complete, { head, topK, explain, signal });
    });
    const { answers } = answered;
    throwOnlyError(answers);
    const basePath = basePathOf(request);
    const results = answers.values().map((item, index) => identified(ids[index], item, basePath));
    await sendJson(response, jsonWithList({ head: answered.head }, 'results', results), left);
  };
}

/** The error of a request's only item is the request's. */
function throwOnlyError(items: readonly unknown[]): void {
  if (items.length === 1 && items[0] instanceof TandemError) throw items[0];
}
