import express, { type RequestHandler, type Response } from 'express';
import multer from 'multer';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { modalities, type PredictionInput } from '../inference/prediction.ts';
import type { AppOptions } from './app.ts';
import { jsonRequestSchema, multipartRequestSchema, parsePredictionRequest } from './prediction-request.ts';
import { describeProblem, problemSchema } from './problems.ts';
import { problemResponses, type Route } from './route.ts';
import type { Services } from './services.ts';

const opinion = {
  labels: z.array(z.object({ label: z.string(), probability: z.number() })),
  confidence: z.number().meta({ description: 'Probability of the first label.' }),
};

const predictionSchema = z
  .object({
    ...opinion,
    modalities: z.array(z.enum(modalities)).meta({ description: 'What the answer rests on.' }),
    unimodal: z
      .partialRecord(z.enum(modalities), z.object(opinion))
      .meta({ description: 'What each modality says by itself.' }),
    timings: z
      .object({ decode: z.number(), queue: z.number(), encode: z.number(), head: z.number() })
      .meta({ description: 'Milliseconds.' }),
  })
  .meta({ id: 'Prediction' });

const responseSchema = z
  .object({
    head: z.object({ name: z.string(), version: z.int() }),
    results: z
      .array(z.union([predictionSchema, z.object({ error: problemSchema })]))
      .meta({ description: 'In the order of the inputs; a bad item is its own error and nobody else’s.' }),
  })
  .meta({
    id: 'PredictionResponse',
    example: {
      head: { name: 'emoji', version: 1 },
      results: [
        {
          labels: [{ label: 'food-drink', probability: 0.97 }],
          confidence: 0.97,
          modalities: ['text'],
          unimodal: { text: { labels: [{ label: 'food-drink', probability: 0.97 }], confidence: 0.97 } },
          timings: { decode: 0.4, queue: 0.1, encode: 4.2, head: 0.3 },
        },
      ],
    },
  });

/** `POST /v1/predict`. */
export function predictRoutes(services: Services, options: AppOptions): Route[] {
  const { maximumRequestBytes, defaultHead, requestTimeout } = options;
  const readForm = multer({
    storage: multer.memoryStorage(),
    limits: { fileSize: maximumRequestBytes, fieldSize: maximumRequestBytes, files: 1, fields: 16 },
  }).single('image');
  const readJson = express.json({ limit: maximumRequestBytes });
  const readBody: RequestHandler = (request, response, next) => {
    if (request.is('multipart/form-data')) void readForm(request, response, next);
    else if (request.is('application/json')) readJson(request, response, next);
    else {
      const given = request.get('Content-Type') ?? 'none';
      throw new TandemError('unsupported-media-type', `the content type is ${given}`);
    }
  };
  const answer: RequestHandler = async (request, response) => {
    const { head = defaultHead, topK, inputs } = parsePredictionRequest(request);
    const readable = inputs.filter((input): input is PredictionInput => !(input instanceof TandemError));
    const signal = deadline(response, requestTimeout);
    const { head: version, results } = await services.predict(readable, { head, topK, signal });
    const remaining = results.values();
    const answers = inputs.map((input) => (input instanceof TandemError ? input : remaining.next().value!));
    const [only, ...others] = answers;
    if (only instanceof TandemError && others.length === 0) throw only;
    response.json({
      head: version,
      results: answers.map((item) => (item instanceof TandemError ? { error: describeProblem(item) } : item)),
    });
  };
  return [
    {
      method: 'post',
      path: '/v1/predict',
      operation: {
        operationId: 'predict',
        summary: 'Classify pictures, texts or both',
        description:
          'One item as a form, or up to 64 as JSON. An item may lack its picture or its text: the head then answers from what is there.',
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: jsonRequestSchema },
            'multipart/form-data': { schema: multipartRequestSchema },
          },
        },
        responses: {
          '200': { description: 'The answers.', content: { 'application/json': { schema: responseSchema } } },
          ...problemResponses(
            'empty-request',
            'invalid-request',
            'unknown-head',
            'payload-too-large',
            'picture-too-large',
            'text-too-long',
            'unsupported-media-type',
            'invalid-picture',
            'picture-too-small',
            'head-conflict',
            'overloaded',
            'deadline-exceeded',
          ),
        },
      },
      handlers: [readBody, answer],
    },
  ];
}

/** Aborts when the caller leaves or the time is up. */
function deadline(response: Response, milliseconds: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new TandemError('deadline-exceeded', `no answer within ${milliseconds} ms`)),
    milliseconds,
  );
  response.on('close', () => {
    clearTimeout(timer);
    controller.abort(new TandemError('deadline-exceeded', 'the caller has left'));
  });
  return controller.signal;
}
