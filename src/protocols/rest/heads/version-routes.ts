import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { acceptAccuracy } from '../../../training/choices.ts';
import { basePathOf } from '../../http/base-path.ts';
import { formFile, readUpload, uploadedFile } from '../../http/body.ts';
import { readJson } from '../../http/json-body.ts';
import { idempotencyProblems, problemResponses } from '../../http/problem-responses.ts';
import { readPath } from '../../http/query.ts';
import type { Route } from '../../http/route.ts';
import { idempotencyHeader, once } from '../../pipeline/idempotency.ts';
import type { AppOptions } from '../../pipeline/options.ts';
import { aliasName, headName, versionNumber } from '../../pipeline/path-names.ts';
import type { HeadAcceptance, Services } from '../../pipeline/services.ts';
import { acceptanceResponse, exampleAcceptance } from './head-routes.ts';
import { compareQuerySchema, versionComparisonSchema } from './version-comparison-schema.ts';
import { zeroShotRoute } from './zero-shot-route.ts';

const nameParameter = { path: z.object({ name: headName }) };
const aliasParameters = { path: z.object({ name: headName, alias: aliasName }) };
const versionParameters = { path: z.object({ name: headName, version: versionNumber }) };
const bodySchema = z
  .strictObject({ version: z.int().positive() })
  .meta({ id: 'AliasRequest', example: { version: 3 } });
const example = { name: 'pets', versions: [1, 2, 3], aliases: { production: 3 } };
const versionsSchema = z
  .object({
    name: z.string(),
    versions: z.array(z.int()),
    aliases: z.record(z.string(), z.int()).meta({ description: 'The version that each alias stands for.' }),
  })
  .meta({ id: 'HeadVersions', example });
const versionsResponse = (description: string) => ({
  '200': { description, content: { 'application/json': { schema: versionsSchema } } },
});

const acceptSchema = z
  .strictObject({
    accuracy: acceptAccuracy.nullable().meta({
      description:
        'The share of right answers that is wished for among those that are accepted; null: decide nothing.',
    }),
  })
  .meta({ id: 'AcceptRequest', example: { accuracy: 0.95 } });
const acceptedSchema = z
  .object({ name: z.string(), version: z.int(), acceptance: acceptanceResponse.nullable() })
  .meta({
    id: 'HeadAcceptance',
    example: { name: 'pets', version: 3, acceptance: exampleAcceptance },
  }) satisfies z.ZodType<HeadAcceptance>;

const importSchema = z.strictObject({
  name: headName.optional().meta({ description: 'Another name for it.' }),
});
const importFormSchema = importSchema
  .extend({ file: formFile('What an export gave.') })
  .meta({ id: 'HeadForm' });
const importedSchema = z
  .object({ name: z.string(), version: z.int() })
  .meta({ example: { name: 'pets', version: 4 } });

/** A head's versions and aliases: `/v1/heads/{name}` and what is below it. */
export function versionRoutes(services: Services, options: AppOptions): Route[] {
  return [
    importHead(services, options),
    zeroShotRoute(services, options),
    exportHead(services),
    compareVersions(services),
    getHead(services),
    acceptAnswers(services),
    setAlias(services),
    rollbackAlias(services, options),
    deleteAlias(services),
    deleteVersion(services),
  ];
}

function importHead({ versions }: Services, options: AppOptions): Route {
  const bring: RequestHandler = async (request, response) => {
    try {
      const { name } = importSchema.parse({ ...request.body });
      const imported = await versions.import(uploadedFile(request).path, name);
      response
        .status(201)
        .location(`${basePathOf(request)}/v1/heads/${imported.name}`)
        .json(imported);
    } finally {
      if (request.file) await rm(request.file.path, { force: true });
    }
  };
  return {
    method: 'post',
    path: '/v1/heads',
    scope: 'admin',
    operation: {
      operationId: 'importHead',
      summary: 'Register a head that was exported, as the next version of its name',
      description: 'It is refused where this server lacks the encoders whose features it takes.',
      requestParams: { header: idempotencyHeader },
      requestBody: { required: true, content: { 'multipart/form-data': { schema: importFormSchema } } },
      responses: {
        '201': {
          description: 'The version that it is now.',
          content: { 'application/json': { schema: importedSchema } },
        },
        ...problemResponses(
          'invalid-request',
          'payload-too-large',
          'unsupported-media-type',
          'invalid-head',
          'head-conflict',
          ...idempotencyProblems,
        ),
      },
    },
    handlers: [readUpload(options), once(options.idempotency), bring],
  };
}

function exportHead({ versions }: Services): Route {
  const send: RequestHandler<Record<string, string>> = async (request, response) => {
    const { name, version } = readPath(request, versionParameters);
    const exported = await versions.export(name, version);
    response.type('application/x-tar').attachment(`${exported.name}.tar`);
    await pipeline(exported.content, response);
  };
  return {
    method: 'get',
    path: '/v1/heads/{name}/versions/{version}/export',
    scope: 'train',
    operation: {
      operationId: 'exportHead',
      summary: 'A version as one file, with the sha256 of all that is in it',
      requestParams: versionParameters,
      responses: {
        '200': {
          description: 'A tar; POST it to /v1/heads.',
          content: {
            'application/x-tar': { schema: { type: 'string', format: 'binary' }, example: 'manifest.json' },
          },
        },
        ...problemResponses('unknown-head'),
      },
    },
    handlers: [send],
  };
}

function compareVersions({ versions }: Services): Route {
  return {
    method: 'get',
    path: '/v1/heads/{name}/versions/{version}/compare',
    scope: 'train',
    operation: {
      operationId: 'compareVersions',
      summary: 'What differs between two versions, and the figures of both',
      description:
        'The figures are of each one’s own test split; `testedOn` says whether they may be held against each other. Two heads answer the same examples by `heads compare --dataset`.',
      requestParams: { ...versionParameters, query: compareQuerySchema },
      responses: {
        '200': {
          description: 'The version in the path first, the one that it is compared with second.',
          content: { 'application/json': { schema: versionComparisonSchema } },
        },
        ...problemResponses('invalid-request', 'unknown-head', 'damaged-artifact'),
      },
    },
    handlers: [
      async (request, response) => {
        const { name, version } = readPath(request, versionParameters);
        const { with: other } = compareQuerySchema.parse(request.query);
        response.json(await versions.compare(name, version, other));
      },
    ],
  };
}

function getHead({ versions }: Services): Route {
  return {
    method: 'get',
    path: '/v1/heads/{name}',
    scope: 'predict',
    operation: {
      operationId: 'getHead',
      summary: 'A head’s versions and aliases',
      requestParams: nameParameter,
      responses: { ...versionsResponse('The versions.'), ...problemResponses('unknown-head') },
    },
    handlers: [
      async (request, response) =>
        void response.json(await versions.get(readPath(request, nameParameter).name)),
    ],
  };
}

function acceptAnswers({ versions }: Services): Route {
  return {
    method: 'put',
    path: '/v1/heads/{name}/versions/{version}/acceptance',
    scope: 'admin',
    operation: {
      operationId: 'acceptAnswers',
      summary: 'Say which answers of a version are accepted',
      description:
        'The threshold is found on the rows that were held out of its training; from the next request on, every answer says `decision` and `reasons`. The version itself stays what it is.',
      requestParams: versionParameters,
      requestBody: { required: true, content: { 'application/json': { schema: acceptSchema } } },
      responses: {
        '200': {
          description: 'The threshold, and what it reaches.',
          content: { 'application/json': { schema: acceptedSchema } },
        },
        ...problemResponses('invalid-request', 'unknown-head', 'payload-too-large', 'unsupported-media-type'),
      },
    },
    handlers: [
      readJson(2 ** 12, 'invalid-request'),
      async (request, response) => {
        const { name, version } = readPath(request, versionParameters);
        const { accuracy } = acceptSchema.parse(request.body);
        response.json(await versions.accept(name, version, accuracy));
      },
    ],
  };
}

function setAlias({ versions }: Services): Route {
  return {
    method: 'put',
    path: '/v1/heads/{name}/aliases/{alias}',
    scope: 'admin',
    operation: {
      operationId: 'setAlias',
      summary: 'Let an alias stand for a version',
      description:
        'From the next request on, in one step: no request fails, and none gets anything in between.',
      requestParams: aliasParameters,
      requestBody: { required: true, content: { 'application/json': { schema: bodySchema } } },
      responses: {
        ...versionsResponse('The versions, the alias on the one that was asked for.'),
        ...problemResponses('invalid-request', 'unknown-head', 'payload-too-large', 'unsupported-media-type'),
      },
    },
    handlers: [
      readJson(2 ** 12, 'invalid-request'),
      async (request, response) => {
        const { name, alias } = readPath(request, aliasParameters);
        const { version } = bodySchema.parse(request.body);
        response.json(await versions.setAlias(name, alias, version));
      },
    ],
  };
}

function rollbackAlias({ versions }: Services, { idempotency }: AppOptions): Route {
  return {
    method: 'post',
    path: '/v1/heads/{name}/aliases/{alias}/rollback',
    scope: 'admin',
    operation: {
      operationId: 'rollbackAlias',
      summary: 'Put an alias back on the version that it stood for before',
      requestParams: { ...aliasParameters, header: idempotencyHeader },
      responses: {
        ...versionsResponse('The versions, the alias on the one before.'),
        ...problemResponses('unknown-head', ...idempotencyProblems),
      },
    },
    handlers: [
      once(idempotency),
      async (request, response) => {
        const { name, alias } = readPath(request, aliasParameters);
        response.json(await versions.rollback(name, alias));
      },
    ],
  };
}

function deleteAlias({ versions }: Services): Route {
  return {
    method: 'delete',
    path: '/v1/heads/{name}/aliases/{alias}',
    scope: 'admin',
    operation: {
      operationId: 'deleteAlias',
      summary: 'Take an alias away; the version that it stood for stays',
      requestParams: aliasParameters,
      responses: {
        ...versionsResponse('The versions, and the aliases that are left.'),
        ...problemResponses('unknown-head'),
      },
    },
    handlers: [
      async (request, response) => {
        const { name, alias } = readPath(request, aliasParameters);
        response.json(await versions.deleteAlias(name, alias));
      },
    ],
  };
}

function deleteVersion({ versions }: Services): Route {
  return {
    method: 'delete',
    path: '/v1/heads/{name}/versions/{version}',
    scope: 'admin',
    operation: {
      operationId: 'deleteVersion',
      summary: 'Delete a version that no alias stands for',
      requestParams: versionParameters,
      responses: {
        ...versionsResponse('The versions that are left.'),
        ...problemResponses('invalid-request', 'unknown-head', 'head-in-use'),
      },
    },
    handlers: [
      async (request, response) => {
        const { name, version } = readPath(request, versionParameters);
        response.json(await versions.delete(name, version));
      },
    ],
  };
}
