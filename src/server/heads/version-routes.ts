import express from 'express';
import { z } from 'zod';
import { problemResponses } from '../problem-responses.ts';
import type { Route } from '../route.ts';
import type { Services } from '../services.ts';

const name = z.string().meta({ description: 'The head’s name.', example: 'pets' });
const alias = z.string().meta({ description: 'The alias.', example: 'production' });
const nameParameter = { path: z.object({ name }) };
const aliasParameters = { path: z.object({ name, alias }) };
const versionParameters = {
  path: z.object({ name, version: z.string().meta({ description: 'The version’s number.', example: '2' }) }),
};
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

/** A head's versions and aliases: `/v1/heads/{name}` and what is below it. */
export function versionRoutes({ versions }: Services): Route[] {
  return [
    {
      method: 'get',
      path: '/v1/heads/{name}',
      scope: 'predict',
      operation: {
        operationId: 'getHead',
        summary: 'A head’s versions and aliases',
        requestParams: nameParameter,
        responses: { ...versionsResponse('The versions.'), ...problemResponses('unknown-head') },
      },
      handlers: [async ({ params }, response) => void response.json(await versions.get(params.name))],
    },
    {
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
          ...problemResponses('invalid-request', 'unknown-head'),
        },
      },
      handlers: [
        express.json({ limit: 2 ** 12 }),
        async ({ params, body }, response) => {
          const { version } = bodySchema.parse(body ?? {});
          response.json(await versions.setAlias(params.name, params.alias, version));
        },
      ],
    },
    {
      method: 'post',
      path: '/v1/heads/{name}/aliases/{alias}/rollback',
      scope: 'admin',
      operation: {
        operationId: 'rollbackAlias',
        summary: 'Put an alias back on the version that it stood for before',
        requestParams: aliasParameters,
        responses: {
          ...versionsResponse('The versions, the alias on the one before.'),
          ...problemResponses('unknown-head'),
        },
      },
      handlers: [
        async ({ params }, response) =>
          void response.json(await versions.rollback(params.name, params.alias)),
      ],
    },
    {
      method: 'delete',
      path: '/v1/heads/{name}/versions/{version}',
      scope: 'admin',
      operation: {
        operationId: 'deleteVersion',
        summary: 'Delete a version that no alias stands for',
        requestParams: versionParameters,
        responses: {
          ...versionsResponse('The versions that are left.'),
          ...problemResponses('unknown-head', 'head-in-use'),
        },
      },
      handlers: [
        async ({ params }, response) =>
          void response.json(await versions.delete(params.name, params.version)),
      ],
    },
  ];
}
