import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { predictionFormats } from '../../../jobs/task.ts';
import { contentPolicy } from '../../../reports/content-policy.ts';
import { basePathOf } from '../../http/base-path.ts';
import { readUpload } from '../../http/body.ts';
import { pageQuerySchema } from '../../http/page.ts';
import { idempotencyProblems, problemResponses } from '../../http/problem-responses.ts';
import { readPath, readQuery } from '../../http/query.ts';
import type { Route } from '../../http/route.ts';
import { keyName } from '../../pipeline/access.ts';
import { idempotencyHeader, once, requestId } from '../../pipeline/idempotency.ts';
import type { AppOptions } from '../../pipeline/options.ts';
import { recordId } from '../../pipeline/path-names.ts';
import type { Services } from '../../pipeline/services.ts';
import { lineMediaType } from '../predictions/prediction-lines.ts';
import { sendEvents } from './event-stream.ts';
import { formSchema, jsonSchema, parseJobRequest } from './job-request.ts';
import { jobSchema, jobsSchema } from './job-schema.ts';

const idParameter = { path: z.object({ id: recordId.meta({ description: 'The job’s id.' }) }) };
const formatQuery = z.strictObject({
  format: z
    .enum(predictionFormats)
    .default('csv')
    .meta({ description: 'CSV, or JSON lines.', example: 'csv' }),
});
const mediaTypes = { csv: 'text/csv; charset=utf-8', jsonl: lineMediaType } as const;
/** A report is a page of texts that callers wrote: it gets no origin, and only this server's own pages frame it. */
const reportPolicy = `sandbox; ${contentPolicy}; frame-ancestors 'self'`;
const lastEventIdHeader = z.object({
  'Last-Event-ID': z
    .string()
    .optional()
    .meta({ description: 'Number of the last event seen; a browser sends it by itself.', example: '7' }),
});
const eventSchema = z
  .object({ event: z.enum(['state', 'progress']), id: z.string(), data: z.string() })
  .meta({
    description: 'The fields of an event; `data` is the job as JSON.',
    example: {
      event: 'progress',
      id: '7',
      data: '{"id":"5b0e1d3e-4f0b-4c53-9d0f-6a2f5c0e7a11","state":"running"}',
    },
  });
const jobResponse = (description: string) => ({
  description,
  content: { 'application/json': { schema: jobSchema } },
});

/** `/v1/jobs` and what is below it. */
export function jobRoutes(services: Services, options: AppOptions): Route[] {
  return [
    startJob(services, options),
    listJobs(services),
    getJob(services),
    cancelJob(services),
    retryJob(services, options),
    readJobReport(services),
    readJobPredictions(services),
    followJob(services, options),
  ];
}

function startJob({ jobs }: Services, { uploadFolder, maximumUploadBytes, idempotency }: AppOptions): Route {
  const submit: RequestHandler = async (request, response) => {
    try {
      const by = { requestId: requestId(response), key: keyName(response) };
      const job = await jobs.submit(parseJobRequest(request), by);
      response
        .status(202)
        .location(`${basePathOf(request)}/v1/jobs/${job.id}`)
        .json(job);
    } catch (error) {
      if (request.file) await rm(request.file.path, { force: true });
      throw error;
    }
  };
  return {
    method: 'post',
    path: '/v1/jobs',
    operation: {
      operationId: 'startJob',
      summary: 'Fine-tune a head, compare the strategies, or measure a head, in the background',
      description:
        'On a zip file, or on a dataset that lies on the server: metadata.csv or metadata.jsonl beside the images (columns file_name, text, label), or one folder of images per class.',
      requestParams: { header: idempotencyHeader },
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: jsonSchema },
          'multipart/form-data': { schema: formSchema },
        },
      },
      responses: {
        '202': {
          ...jobResponse('The job, queued.'),
          headers: { Location: { description: 'Address of the job.', schema: { type: 'string' } } },
        },
        ...problemResponses(
          'unknown-encoder',
          'invalid-request',
          'invalid-recipe',
          'unknown-dataset',
          'unknown-head',
          'payload-too-large',
          'unsupported-media-type',
          'overloaded',
          ...idempotencyProblems,
        ),
      },
    },
    handlers: [readUpload({ uploadFolder, maximumUploadBytes }), once(idempotency), submit],
  };
}

function listJobs({ jobs }: Services): Route {
  return {
    method: 'get',
    path: '/v1/jobs',
    operation: {
      operationId: 'listJobs',
      summary: 'The jobs, the newest first',
      requestParams: { query: pageQuerySchema },
      responses: {
        '200': {
          description: 'So many of the jobs as were asked for, and how many there are.',
          content: { 'application/json': { schema: jobsSchema } },
        },
        ...problemResponses('invalid-request'),
      },
    },
    handlers: [
      async (request, response) => {
        const page = readQuery(request, pageQuerySchema);
        response.json({ offset: page.offset, ...(await jobs.list(page)) });
      },
    ],
  };
}

function getJob({ jobs }: Services): Route {
  return {
    method: 'get',
    path: '/v1/jobs/{id}',
    operation: {
      operationId: 'getJob',
      summary: 'One job: its state, progress and result',
      requestParams: idParameter,
      responses: { '200': jobResponse('The job.'), ...problemResponses('unknown-job') },
    },
    handlers: [
      async (request, response) => void response.json(await jobs.get(readPath(request, idParameter).id)),
    ],
  };
}

function cancelJob({ jobs }: Services): Route {
  return {
    method: 'delete',
    path: '/v1/jobs/{id}',
    operation: {
      operationId: 'cancelJob',
      summary: 'Cancel a job',
      requestParams: idParameter,
      responses: {
        '200': jobResponse(
          'The job: `cancelled` where it was queued, `cancelling` where it runs; it stops within a second or so.',
        ),
        ...problemResponses('unknown-job'),
      },
    },
    handlers: [
      async (request, response) => void response.json(await jobs.cancel(readPath(request, idParameter).id)),
    ],
  };
}

function retryJob({ jobs }: Services, { idempotency }: AppOptions): Route {
  return {
    method: 'post',
    path: '/v1/jobs/{id}/retry',
    operation: {
      operationId: 'retryJob',
      summary: 'Try a job again that failed or was cancelled',
      description:
        'It keeps its id, and goes on from its last checkpoint. What was uploaded for it is kept for a week.',
      requestParams: { ...idParameter, header: idempotencyHeader },
      responses: {
        '202': jobResponse('The job, queued again.'),
        ...problemResponses('unknown-job', 'job-conflict', ...idempotencyProblems),
      },
    },
    handlers: [
      once(idempotency),
      async (request, response) =>
        void response.status(202).json(await jobs.retry(readPath(request, idParameter).id)),
    ],
  };
}

function readJobReport({ jobs }: Services): Route {
  return {
    method: 'get',
    path: '/v1/jobs/{id}/report',
    operation: {
      operationId: 'readJobReport',
      summary: 'What a job found, as a page',
      description:
        'The report of the head that it made, of the comparison, or of the evaluation. The page needs nothing else.',
      requestParams: idParameter,
      responses: {
        '200': {
          description: 'The page.',
          content: { 'text/html': { schema: z.string(), example: '<!doctype html>' } },
        },
        ...problemResponses('unknown-job', 'not-found'),
      },
    },
    handlers: [
      async (request, response) => {
        const page = await jobs.report(readPath(request, idParameter).id);
        response.set('Content-Security-Policy', reportPolicy).type('html').send(page);
      },
    ],
  };
}

function readJobPredictions({ jobs }: Services): Route {
  return {
    method: 'get',
    path: '/v1/jobs/{id}/predictions',
    operation: {
      operationId: 'readJobPredictions',
      summary: 'Every answer of an evaluation beside what is true',
      description:
        'A line for each example: `row` (its line in the table of the dataset), what is true of it, what was predicted, whether that is right, and whether the head learned from it.',
      requestParams: { ...idParameter, query: formatQuery },
      responses: {
        '200': {
          description: 'The table.',
          content: {
            'text/csv': { schema: z.string(), example: 'row,true_label,predicted_label' },
            [lineMediaType]: { schema: z.string(), example: '{"row":2,"true_label":"cat"}' },
          },
        },
        ...problemResponses('invalid-request', 'unknown-job', 'not-found'),
      },
    },
    handlers: [
      async (request, response) => {
        const { format } = readQuery(request, formatQuery);
        const { name, content } = await jobs.predictions(readPath(request, idParameter).id, format);
        response.attachment(name).type(mediaTypes[format]);
        await pipeline(content, response);
      },
    ],
  };
}

function followJob({ jobs }: Services, { stopping }: AppOptions): Route {
  const streamEvents: RequestHandler<Record<string, string>> = async (request, response) => {
    const { id } = readPath(request, idParameter);
    const { finishedAt } = await jobs.get(id);
    const left = new AbortController();
    response.on('close', () => left.abort());
    const lastEventId = /^\d{1,9}$/.exec(request.get('Last-Event-ID') ?? '')?.[0];
    // Its end is a clean one: a browser's EventSource asks again, and is answered by another server.
    const ended = stopping ? AbortSignal.any([left.signal, stopping.closing]) : left.signal;
    const events = jobs.events(id, Number(lastEventId ?? 0), ended);
    if (finishedAt === undefined) return sendEvents(response, events);
    const missed = await Array.fromAsync(events);
    // A browser's EventSource asks again and again after the end of a stream; 204 tells it to stop.
    if (missed.length === 0) response.status(204).end();
    else await sendEvents(response, missed);
  };
  return {
    method: 'get',
    path: '/v1/jobs/{id}/events',
    operation: {
      operationId: 'followJob',
      summary: 'A job’s changes as server-sent events',
      description:
        'Events named `state` and `progress`, each with the whole job as its data. A reader that was cut off goes on after its Last-Event-ID. The stream ends with the job.',
      requestParams: { ...idParameter, header: lastEventIdHeader },
      responses: {
        '200': {
          description: 'The events.',
          content: { 'text/event-stream': { schema: eventSchema } },
        },
        '204': { description: 'The job has ended and its last event was seen already.' },
        ...problemResponses('unknown-job'),
      },
    },
    handlers: [streamEvents],
  };
}
