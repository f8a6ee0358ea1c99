import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import { basePathOf } from '../../http/base-path.ts';
import { readUpload } from '../../http/body.ts';
import { pageQuerySchema } from '../../http/page.ts';
import { idempotencyProblems, problemResponses } from '../../http/problem-responses.ts';
import { readPath, readQuery } from '../../http/query.ts';
import type { Route } from '../../http/route.ts';
import { departure } from '../../pipeline/deadline.ts';
import { idempotencyHeader, once } from '../../pipeline/idempotency.ts';
import type { AppOptions } from '../../pipeline/options.ts';
import { recordId } from '../../pipeline/path-names.ts';
import type { Services } from '../../pipeline/services.ts';
import { formSchema, jsonSchema, parseDatasetRequest, querySchema } from './dataset-request.ts';
import { datasetSchema, datasetsSchema, pageSchema, trialSchema } from './dataset-schemas.ts';

const idParameter = { path: z.object({ id: recordId.meta({ description: 'The dataset’s id.' }) }) };
const json = (schema: z.ZodType) => ({ 'application/json': { schema } });

/** `/v1/datasets` and what is below it. */
export function datasetRoutes(services: Services, options: AppOptions): Route[] {
  return [
    addDataset(services, options),
    listDatasets(services),
    getDataset(services),
    listDatasetRows(services),
    exportDataset(services),
    deleteDataset(services),
  ];
}

function addDataset({ datasets }: Services, options: AppOptions): Route {
  const read = async (request: Request, left: AbortSignal) => {
    const { dryRun } = readQuery(request, querySchema);
    const upload = parseDatasetRequest(request);
    return dryRun === 'true' ? datasets.try(upload, left) : datasets.add(upload, left);
  };
  const bring: RequestHandler = async (request, response) => {
    const outcome = await read(request, departure(response)).finally(
      () => request.file && rm(request.file.path, { force: true }),
    );
    if ('isNew' in outcome)
      response
        .status(outcome.isNew ? 201 : 200)
        .location(`${basePathOf(request)}/v1/datasets/${outcome.dataset.id}`);
    response.json('isNew' in outcome ? outcome.dataset : outcome);
  };
  return {
    method: 'post',
    path: '/v1/datasets',
    operation: {
      operationId: 'addDataset',
      summary: 'Bring a dataset, or only check it',
      description:
        'One file (zip, tar, tar.gz, or a table (CSV, TSV, JSON lines, JSON, Parquet or Excel) with its images inside), a folder among the server’s datasets, or an address. All of it is checked first; where anything is wrong, nothing is kept. Bringing the same again under the same name changes nothing. With `dryRun=true` nothing is kept at all.',
      requestParams: { query: querySchema, header: idempotencyHeader },
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: jsonSchema },
          'multipart/form-data': { schema: formSchema },
        },
      },
      responses: {
        '200': {
          description: 'It was there already; or, for a dry run, what there is to say about it.',
          content: json(
            z
              .union([datasetSchema, trialSchema])
              .meta({ id: 'DatasetOrTrial', example: datasetSchema.meta()?.example }),
          ),
        },
        '201': { description: 'The dataset, stored as a whole.', content: json(datasetSchema) },
        ...problemResponses(
          'invalid-request',
          'invalid-dataset',
          'unknown-dataset',
          'remote-file',
          'remote-disabled',
          'payload-too-large',
          'unsupported-media-type',
          'overloaded',
          'deadline-exceeded',
          ...idempotencyProblems,
        ),
      },
    },
    handlers: [readUpload(options), once(options.idempotency), bring],
  };
}

function listDatasets({ datasets }: Services): Route {
  return {
    method: 'get',
    path: '/v1/datasets',
    operation: {
      operationId: 'listDatasets',
      summary: 'The datasets, the newest first, page by page',
      requestParams: { query: pageQuerySchema },
      responses: {
        '200': {
          description: 'So many of the datasets as were asked for, and how many there are.',
          content: json(datasetsSchema),
        },
        ...problemResponses('invalid-request', 'damaged-artifact'),
      },
    },
    handlers: [
      async (request, response) => {
        const page = readQuery(request, pageQuerySchema);
        const { damaged, ...listed } = await datasets.list(page);
        response.json({ offset: page.offset, ...listed, ...(damaged.length > 0 && { damaged }) });
      },
    ],
  };
}

function getDataset({ datasets }: Services): Route {
  return {
    method: 'get',
    path: '/v1/datasets/{id}',
    operation: {
      operationId: 'getDataset',
      summary: 'One dataset: what it holds',
      requestParams: idParameter,
      responses: {
        '200': { description: 'The dataset.', content: json(datasetSchema) },
        ...problemResponses('unknown-dataset', 'damaged-artifact'),
      },
    },
    handlers: [
      async (request, response) => void response.json(await datasets.get(readPath(request, idParameter).id)),
    ],
  };
}

const rowsQuerySchema = pageQuerySchema.extend({
  row: z.coerce.number().int().min(0).optional().meta({
    description: 'Only the example of this row, as explanations name it.',
    example: 17,
  }),
});

function listDatasetRows({ datasets }: Services): Route {
  return {
    method: 'get',
    path: '/v1/datasets/{id}/rows',
    operation: {
      operationId: 'listDatasetRows',
      summary: 'The examples of a dataset, page by page, with small images',
      requestParams: { ...idParameter, query: rowsQuerySchema },
      responses: {
        '200': { description: 'Some of the examples, in their order.', content: json(pageSchema) },
        ...problemResponses('invalid-request', 'unknown-dataset'),
      },
    },
    handlers: [
      async (request, response) =>
        void response.json(
          await datasets.rows(readPath(request, idParameter).id, readQuery(request, rowsQuerySchema)),
        ),
    ],
  };
}

function exportDataset({ datasets }: Services): Route {
  const sendZip: RequestHandler<Record<string, string>> = async (request, response) => {
    const { name, content } = await datasets.export(readPath(request, idParameter).id);
    response.type('application/zip').attachment(`${name}.zip`);
    await pipeline(content, response);
  };
  return {
    method: 'get',
    path: '/v1/datasets/{id}/export',
    operation: {
      operationId: 'exportDataset',
      summary: 'A dataset as a zip file that imports as the same dataset',
      requestParams: idParameter,
      responses: {
        '200': {
          description: 'metadata.jsonl, and the images beside it.',
          content: { 'application/zip': { schema: { type: 'string', format: 'binary' }, example: 'PK' } },
        },
        ...problemResponses('unknown-dataset'),
      },
    },
    handlers: [sendZip],
  };
}

function deleteDataset({ datasets }: Services): Route {
  return {
    method: 'delete',
    path: '/v1/datasets/{id}',
    operation: {
      operationId: 'deleteDataset',
      summary: 'Forget a dataset, and its images where no other one has them',
      requestParams: idParameter,
      responses: {
        '204': { description: 'It is gone.' },
        ...problemResponses('unknown-dataset', 'dataset-in-use'),
      },
    },
    handlers: [
      async (request, response) => {
        await datasets.delete(readPath(request, idParameter).id);
        response.status(204).end();
      },
    ],
  };
}
