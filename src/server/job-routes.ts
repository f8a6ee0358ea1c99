import { rm } from 'node:fs/promises';
import { createSession } from 'better-sse';
import express, { type Request, type RequestHandler } from 'express';
import multer from 'multer';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import type { AppOptions } from './app.ts';
import { metricsSchema } from './head-routes.ts';
import { problemResponses, type Route } from './route.ts';
import type { Services } from './services.ts';

const seed = z.coerce.number().int().min(0).optional().meta({ description: 'Same seed, same head.' });
const head = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be up to 64 of a-z 0-9 . _ -')
  .meta({ description: 'Name of the head to make; one that exists gets its next version.', example: 'pets' });

const jsonRequestSchema = z
  .strictObject({
    head,
    dataset: z
      .string()
      .regex(/^[\w][\w.-]*$/, 'must be the name of a folder among the server’s datasets')
      .meta({ example: 'pets' }),
    seed,
  })
  .meta({ id: 'JobRequest' });

const formFieldsSchema = z.strictObject({ head, seed });
const formSchema = formFieldsSchema.extend({
  archive: z
    .string()
    .meta({ override: { type: 'string', format: 'binary', description: 'A zip file of the dataset.' } }),
});

const jobSchema = z
  .object({
    id: z.string(),
    state: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
    head: z.string(),
    dataset: z.string(),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().optional(),
    finishedAt: z.iso.datetime().optional(),
    progress: z
      .object({
        stage: z.enum(['features', 'training', 'evaluation']),
        done: z.int(),
        total: z.int(),
        loss: z.number().optional(),
        accuracy: z.number().optional(),
      })
      .optional(),
    result: z
      .object({
        head: z.string(),
        version: z.int(),
        labels: z.array(z.string()),
        examples: z.object({ training: z.int(), test: z.int() }),
        metrics: metricsSchema,
        seconds: z.object({ features: z.number(), training: z.number(), total: z.number() }),
        folder: z.string(),
      })
      .optional(),
    error: z
      .object({
        code: z.string(),
        title: z.string(),
        detail: z.string(),
        fix: z.string(),
        items: z.array(z.object({ at: z.string(), detail: z.string() })),
      })
      .optional(),
  })
  .meta({ id: 'Job' });

const idParameter = { path: z.object({ id: z.string().meta({ description: 'The job’s id.' }) }) };
const jobResponse = (description: string) => ({
  description,
  content: { 'application/json': { schema: jobSchema } },
});

/** `/v1/jobs` and what is below it. */
export function jobRoutes({ jobs }: Services, { uploadFolder, maximumUploadBytes }: AppOptions): Route[] {
  const readForm = multer({
    storage: multer.diskStorage({ destination: uploadFolder }),
    limits: { fileSize: maximumUploadBytes, files: 1, fields: 16 },
  }).single('archive');
  const readJson = express.json({ limit: '64kb' });
  const readBody: RequestHandler = (request, response, next) => {
    if (request.is('multipart/form-data')) void readForm(request, response, next);
    else if (request.is('application/json')) readJson(request, response, next);
    else
      throw new TandemError(
        'unsupported-media-type',
        `the content type is ${request.get('Content-Type') ?? 'none'}`,
      );
  };

  const submit: RequestHandler = async (request, response) => {
    try {
      const job = await jobs.submit(parseRequest(request));
      response.status(202).location(`/v1/jobs/${job.id}`).json(job);
    } catch (error) {
      if (request.file) await rm(request.file.path, { force: true });
      throw error;
    }
  };

  const streamEvents: RequestHandler<Record<string, string>> = async (request, response) => {
    const { id } = request.params;
    jobs.get(id);
    const left = new AbortController();
    response.on('close', () => left.abort());
    const lastEventId = Number(request.get('Last-Event-ID'));
    const session = await createSession(request, response, { keepAlive: 15_000 });
    for await (const event of jobs.events(id, Number.isInteger(lastEventId) ? lastEventId : 0, left.signal))
      session.push(event.job, event.type, String(event.id));
    response.end();
  };

  return [
    {
      method: 'post',
      path: '/v1/jobs',
      operation: {
        operationId: 'startJob',
        summary: 'Fine-tune a head in the background',
        description:
          'On a zip file, or on a dataset that lies on the server: metadata.csv or metadata.jsonl beside the pictures (columns file_name, text, label), or one folder of pictures per class.',
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: jsonRequestSchema },
            'multipart/form-data': { schema: formSchema },
          },
        },
        responses: {
          '202': jobResponse('The job, queued; its address is in Location.'),
          ...problemResponses(
            'invalid-request',
            'unknown-dataset',
            'payload-too-large',
            'unsupported-media-type',
            'overloaded',
          ),
        },
      },
      handlers: [readBody, submit],
    },
    {
      method: 'get',
      path: '/v1/jobs',
      operation: {
        operationId: 'listJobs',
        summary: 'All jobs, the newest first',
        responses: {
          '200': {
            description: 'The jobs.',
            content: { 'application/json': { schema: z.object({ jobs: z.array(jobSchema) }) } },
          },
          ...problemResponses(),
        },
      },
      handlers: [(_request, response) => void response.json({ jobs: jobs.list() })],
    },
    {
      method: 'get',
      path: '/v1/jobs/{id}',
      operation: {
        operationId: 'getJob',
        summary: 'One job: its state, progress and result',
        requestParams: idParameter,
        responses: { '200': jobResponse('The job.'), ...problemResponses('unknown-job') },
      },
      handlers: [(request, response) => void response.json(jobs.get(request.params.id))],
    },
    {
      method: 'delete',
      path: '/v1/jobs/{id}',
      operation: {
        operationId: 'cancelJob',
        summary: 'Cancel a job',
        requestParams: idParameter,
        responses: {
          '200': jobResponse('The job; it stops within a second or so.'),
          ...problemResponses('unknown-job'),
        },
      },
      handlers: [(request, response) => void response.json(jobs.cancel(request.params.id))],
    },
    {
      method: 'get',
      path: '/v1/jobs/{id}/events',
      operation: {
        operationId: 'followJob',
        summary: 'A job’s changes as server-sent events',
        description:
          'Events named `state` and `progress`, each with the whole job as its data. A reader that was cut off goes on after its Last-Event-ID. The stream ends with the job.',
        requestParams: idParameter,
        responses: {
          '200': { description: 'The events.', content: { 'text/event-stream': { schema: z.string() } } },
          ...problemResponses('unknown-job'),
        },
      },
      handlers: [streamEvents],
    },
  ];
}

function parseRequest(request: Request): Parameters<Services['jobs']['submit']>[0] {
  if (!request.is('multipart/form-data')) {
    const { dataset, ...rest } = jsonRequestSchema.parse(request.body);
    return { ...rest, source: { dataset } };
  }
  const fields = formFieldsSchema.parse({ ...request.body });
  if (!request.file)
    throw new TandemError('invalid-request', 'archive: the form has no zip file under this name');
  return { ...fields, source: { archive: request.file.path, fileName: request.file.originalname } };
}
