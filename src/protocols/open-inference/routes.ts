import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { TandemError } from '../../errors.ts';
import { readBytes } from '../http/body-bytes.ts';
import { defaultJsonLimits, JsonStructure } from '../http/json-structure.ts';
import { predictionProblems, problemResponses } from '../http/problem-responses.ts';
import type { Problem } from '../http/problems.ts';
import { readPath } from '../http/query.ts';
import type { Route } from '../http/route.ts';
import { departure, withDeadline } from '../pipeline/deadline.ts';
import type { AppOptions } from '../pipeline/options.ts';
import { headName, versionName } from '../pipeline/path-names.ts';
import { requireReady } from '../pipeline/readiness.ts';
import type { Services } from '../pipeline/services.ts';
import { headOf, infer, modelOf, serverMetadata } from './inference.ts';
import { decodeRequest, encodeResponse, inferenceRequestSchema, mostNumbers } from './tensors.ts';

const lengthHeader = 'Inference-Header-Content-Length';

const tensorForm = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) });
const modelSchema = z
  .object({
    name: z.string(),
    versions: z
      .array(z.string())
      .meta({ description: 'All that can be asked, not the described one alone.' }),
    platform: z.string(),
    inputs: z.array(tensorForm),
    outputs: z.array(tensorForm),
    parameters: z.object({
      labels: z.array(z.string()),
      target: z.string(),
      encoders: z.record(z.string(), z.object({ id: z.string(), fingerprint: z.string() })).meta({
        description: 'Whose features each FP32 input takes; those of any other encoder mean nothing.',
      }),
      columns: z
        .record(z.string(), z.array(z.object({ name: z.string(), kind: z.string() })))
        .optional()
        .meta({ description: 'The columns whose values `table` takes: numbers, or categories.' }),
    }),
  })
  .meta({
    id: 'InferenceModel',
    example: {
      name: 'emoji',
      versions: ['1'],
      platform: 'tandem_onnxruntime',
      inputs: [
        { name: 'text', datatype: 'BYTES', shape: [-1] },
        { name: 'text_features', datatype: 'FP32', shape: [-1, 384] },
      ],
      outputs: [{ name: 'label', datatype: 'BYTES', shape: [-1] }],
      parameters: {
        labels: ['animals-nature', 'food-drink'],
        target: 'single',
        encoders: { text_features: { id: 'all-MiniLM-L6-v2', fingerprint: '8fbee7a7…' } },
      },
    },
  });
const responseSchema = z
  .object({
    id: z.string().optional(),
    model_name: z.string(),
    model_version: z.string(),
    outputs: z.array(tensorForm.extend({ data: z.array(z.unknown()).optional() })),
  })
  .meta({
    id: 'InferenceResponse',
    example: {
      model_name: 'emoji',
      model_version: '1',
      outputs: [{ name: 'label', datatype: 'BYTES', shape: [1], data: ['food-drink'] }],
    },
  });
const readySchema = z.object({ ready: z.boolean() }).meta({ example: { ready: true } });
const serverSchema = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ example: { name: 'tandem', version: '0.1.0', extensions: ['binary_tensor_data'] } });

const modelParameters = z.object({ model: headName });
const versionParameters = modelParameters.extend({ version: versionName });
/**
 * The Open Inference Protocol, version 2, over HTTP, with the binary tensor data extension: heads are its models, and
 * `image` and `text` are BYTES tensors of one element an item, `image_features` and `text_features` FP32 of one row.
 */
export function openInferenceRoutes(services: Services, options: AppOptions): Route[] {
  return [
    get('/v2', 'describeServer', 'Name, version and extensions of the server', serverSchema, {
      answer: async () => serverMetadata,
    }),
    get(
      '/v2/health/live',
      'live',
      'Whether the process lives',
      z.object({ live: z.boolean() }).meta({ example: { live: true } }),
      {
        answer: async () => ({ live: true }),
      },
    ),
    get('/v2/health/ready', 'serverReady', 'Whether predictions are answered', readySchema, {
      codes: ['not-ready'],
      async answer() {
        await requireReady(services, options);
        return { ready: true };
      },
    }),
    ...modelRoutes(services, options, '/v2/models/{model}', '', { path: modelParameters }),
    ...modelRoutes(services, options, '/v2/models/{model}/versions/{version}', 'OfVersion', {
      path: versionParameters,
    }),
  ].map((route) => ({
    ...route,
    problemMembers,
    // Health probes have no key.
    ...(route.path.startsWith('/v2/health') ? { isVital: true } : { scope: 'predict' as const }),
  }));
}

type PathParameters = { path: typeof modelParameters | typeof versionParameters };

/** The head and, where the path names one, its version. */
function readModelPath(request: Request, parameters: PathParameters): { model: string; version?: string } {
  return readPath(request, parameters);
}

/**
 * What a model is asked, by the head's name or by one of its versions.
 * @param ofVersion ends the operations' ids
 */
function modelRoutes(
  services: Services,
  options: AppOptions,
  path: string,
  ofVersion: string,
  requestParams: PathParameters,
): Route[] {
  return [
    get(path, `describeModel${ofVersion}`, 'A head as a model: its tensors', modelSchema, {
      requestParams,
      codes: ['unknown-head'],
      answer(request) {
        const { model, version } = readModelPath(request, requestParams);
        return modelOf(services, model, version);
      },
    }),
    get(`${path}/ready`, `modelReady${ofVersion}`, 'Whether a head can answer', readySchema, {
      requestParams,
      codes: ['unknown-head', 'not-ready'],
      async answer(request) {
        const { model, version } = readModelPath(request, requestParams);
        await headOf(services, model, version);
        await requireReady(services, options);
        return { ready: true };
      },
    }),
    inferRoute(services, options, path, ofVersion, requestParams),
  ];
}

function inferRoute(
  services: Services,
  options: AppOptions,
  path: string,
  ofVersion: string,
  requestParams: PathParameters,
): Route {
  return {
    method: 'post',
    path: `${path}/infer`,
    operation: {
      operationId: `infer${ofVersion}`,
      summary: 'Classify items that are elements of tensors',
      description: `Images are base64 in JSON, or bytes by the binary tensor data extension (${lengthHeader}). That header alone decides how the body is read: clients of the protocol send any content type or none, text/plain too, and all are taken. Values of columns are JSON, an object an element. An empty element stands for a missing modality. Features that you have already, as from /v1/embeddings, go into the FP32 tensors image_features and text_features in place of image and text; only those of the head’s own encoders can be right, which the model’s parameters name.`,
      requestParams,
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: inferenceRequestSchema },
          'application/octet-stream': { schema: z.string().meta({ format: 'binary' }), example: '…' },
        },
      },
      responses: {
        '200': {
          description: `The outputs; JSON and then the bytes of tensors where any is asked for as such, the JSON as long as ${lengthHeader} says.`,
          headers: {
            [lengthHeader]: {
              description: 'Bytes of the JSON, where bytes of tensors come after it.',
              schema: { type: 'integer', minimum: 1 },
            },
          },
          content: {
            'application/json': { schema: responseSchema },
            'application/octet-stream': { schema: z.string().meta({ format: 'binary' }), example: '…' },
          },
        },
        ...problemResponses(...predictionProblems),
      },
    },
    handlers: [inferTensors(services, options, requestParams)],
  };
}

function inferTensors(
  services: Services,
  options: AppOptions,
  parameters: PathParameters,
): RequestHandler<Record<string, string>> {
  return async (request, response) => {
    const length = request.get(lengthHeader);
    if (length !== undefined && !/^\d+$/.test(length))
      throw new TandemError('invalid-request', `${lengthHeader} is no number`);
    const headerLength = length === undefined ? undefined : Number(length);
    const asked = decodeRequest(await readBody(request, response, options, headerLength), headerLength);
    const { model, version } = readModelPath(request, parameters);
    const head = await headOf(services, model, version);
    const outputs = await withDeadline(departure(response), options.requestTimeout, (signal) =>
      infer(services, options, head, asked, signal),
    );
    const encoded = encodeResponse(
      { id: asked.id, model_name: head.name, model_version: String(head.version) },
      outputs,
      (name) => asked.outputs.get(name) ?? asked.binaryOutput,
    );
    if (encoded.headerLength !== undefined) response.set(lengthHeader, String(encoded.headerLength));
    response
      .type(encoded.headerLength === undefined ? 'json' : 'application/octet-stream')
      .send(encoded.body);
  };
}

/** The JSON is looked at while it comes, the bytes of tensors behind it are not. */
function readBody(
  request: Request,
  response: Response,
  options: AppOptions,
  headerLength = Number.POSITIVE_INFINITY,
) {
  const structure = new JsonStructure({
    ...defaultJsonLimits,
    values: mostNumbers + defaultJsonLimits.values,
  });
  let ahead = headerLength;
  return readBytes(request, response, options.maximumRequestBytes, (piece) => {
    structure.add(piece.subarray(0, ahead));
    ahead = Math.max(0, ahead - piece.length);
  });
}

/** The protocol's clients look for `error`. */
const problemMembers = ({ title, detail, fix }: Problem) => ({ error: `${title}: ${detail}. ${fix}` });

function get(
  path: string,
  operationId: string,
  summary: string,
  schema: z.ZodType,
  {
    requestParams,
    codes = [],
    answer,
  }: {
    requestParams?: Route['operation']['requestParams'];
    codes?: Parameters<typeof problemResponses>;
    answer: (request: Request) => Promise<object>;
  },
): Route {
  return {
    method: 'get',
    path,
    operation: {
      operationId,
      summary,
      requestParams,
      responses: {
        '200': { description: 'The answer.', content: { 'application/json': { schema } } },
        ...problemResponses(...codes),
      },
    },
    handlers: [async (request, response) => void response.json(await answer(request))],
  };
}
