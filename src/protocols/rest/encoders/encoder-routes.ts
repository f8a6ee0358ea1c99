import type { Request, Response } from 'express';
import { z } from 'zod';
import { basePathOf } from '../../http/base-path.ts';
import { readJson } from '../../http/json-body.ts';
import { problemResponses } from '../../http/problem-responses.ts';
import { describeProblem, toTandemError } from '../../http/problems.ts';
import { readPath } from '../../http/query.ts';
import type { Route } from '../../http/route.ts';
import { departure } from '../../pipeline/deadline.ts';
import { recordId } from '../../pipeline/path-names.ts';
import type { Services } from '../../pipeline/services.ts';
import {
  additionLineSchema,
  additionSchema,
  checkedEncoderSchema,
  encoderSchema,
  encodersSchema,
} from './encoder-schemas.ts';

const parameter = {
  path: z.object({
    id: recordId.meta({
      description: 'The encoder’s id, or the beginning of its fingerprint.',
      example: 'bge-small-en-v1.5',
    }),
  }),
};
const json = (schema: z.ZodType) => ({ 'application/json': { schema } });
const lines = 'application/x-ndjson';
/** Bytes of a request that names a model. */
const mostBytes = 2 ** 16;

/** `/v1/encoders` and what is below it. */
export function encoderRoutes(services: Services): Route[] {
  return [
    listEncoders(services),
    addEncoder(services),
    getEncoder(services),
    checkEncoder(services),
    removeEncoder(services),
  ];
}

function listEncoders({ installedEncoders }: Services): Route {
  return {
    method: 'get',
    path: '/v1/encoders',
    operation: {
      operationId: 'listEncoders',
      summary: 'The encoders that ship with the server, and those that were added',
      responses: {
        '200': { description: 'All of them, by id.', content: json(encodersSchema) },
        ...problemResponses('damaged-artifact'),
      },
    },
    handlers: [async (_request, response) => void response.json(await installedEncoders.list())],
  };
}

function addEncoder({ installedEncoders }: Services): Route {
  const add = async (request: Request<Record<string, string>>, response: Response) => {
    const { model, name, ...options } = additionSchema.parse(request.body);
    const isStreamed = request.accepts(['application/json', lines]) === lines;
    const signal = departure(response);
    const write = (line: object) => void response.write(`${JSON.stringify(line)}\n`);
    if (isStreamed) response.type(lines).flushHeaders();
    try {
      const encoder = await installedEncoders.add(
        model,
        { ...options, id: name },
        { signal, ...(isStreamed && { onProgress: write }) },
      );
      if (isStreamed) write({ encoder });
      else
        response
          .status(201)
          .location(`${basePathOf(request)}/v1/encoders/${encoder.id}`)
          .json(encoder);
    } catch (error) {
      if (!isStreamed || signal.aborted) throw error;
      write({ error: describeProblem(toTandemError(error), { basePath: basePathOf(request) }) });
    }
    if (isStreamed) response.end();
  };
  return {
    method: 'post',
    path: '/v1/encoders',
    operation: {
      operationId: 'addEncoder',
      summary: 'Add a model of the hub as an encoder',
      description:
        'The model is downloaded from the hub that the server is set to, and from no other address; then it is proved. That takes as long as the download: a caller that leaves ends it, and the same request resumes it. With `Accept: application/x-ndjson` lines say how many bytes came; the last one has the encoder or the error. A head is trained with it by a server that is started with it.',
      requestBody: { required: true, content: json(additionSchema) },
      responses: {
        '201': {
          description: 'The encoder; the one that is there where it was added before.',
          content: { ...json(encoderSchema), [lines]: { schema: additionLineSchema } },
        },
        ...problemResponses(
          'invalid-request',
          'empty-request',
          'payload-too-large',
          'unsupported-media-type',
          'unknown-model',
          'model-download',
          'invalid-encoder',
          'encoder-conflict',
          'out-of-memory',
        ),
      },
    },
    handlers: [readJson(mostBytes), add],
  };
}

function getEncoder({ installedEncoders }: Services): Route {
  return {
    method: 'get',
    path: '/v1/encoders/{id}',
    operation: {
      operationId: 'getEncoder',
      summary: 'One encoder: where it comes from, and how it encodes',
      requestParams: parameter,
      responses: {
        '200': { description: 'The encoder.', content: json(encoderSchema) },
        ...problemResponses('unknown-encoder', 'encoder-conflict', 'damaged-artifact'),
      },
    },
    handlers: [
      async (request, response) =>
        void response.json(await installedEncoders.get(readPath(request, parameter).id)),
    ],
  };
}

function checkEncoder({ installedEncoders }: Services): Route {
  return {
    method: 'post',
    path: '/v1/encoders/{id}/check',
    operation: {
      operationId: 'checkEncoder',
      summary: 'Check an encoder’s files and prove it again',
      description:
        'Every file must have its sha256; then a few items are encoded alone, twice, together and in another order, in a process of its own. It takes seconds, of a large model a minute, and the processor’s threads.',
      requestParams: parameter,
      responses: {
        '200': { description: 'The encoder, and what was measured.', content: json(checkedEncoderSchema) },
        ...problemResponses(
          'unknown-encoder',
          'encoder-conflict',
          'damaged-artifact',
          'invalid-encoder',
          'out-of-memory',
        ),
      },
    },
    handlers: [
      async (request, response) =>
        void response.json(await installedEncoders.check(readPath(request, parameter).id)),
    ],
  };
}

function removeEncoder({ installedEncoders }: Services): Route {
  return {
    method: 'delete',
    path: '/v1/encoders/{id}',
    operation: {
      operationId: 'removeEncoder',
      summary: 'Remove an encoder that was added, and that nothing needs',
      requestParams: parameter,
      responses: {
        '204': { description: 'It is gone.' },
        ...problemResponses('unknown-encoder', 'encoder-in-use', 'encoder-conflict', 'damaged-artifact'),
      },
    },
    handlers: [
      async (request, response) => {
        await installedEncoders.remove(readPath(request, parameter).id);
        response.status(204).end();
      },
    ],
  };
}
