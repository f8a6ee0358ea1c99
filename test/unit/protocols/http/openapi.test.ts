import { Validator } from '@seriousme/openapi-schema-validator';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { errorTable } from '../../../../src/errors.ts';
import { apiRoutes, createApp } from '../../../../src/protocols/app.ts';
import { fetch, serve, services } from '../double.ts';

const options = {
  logger: pino({ level: 'silent' }),
  defaultHead: 'emoji',
  uploadFolder: '.',
  requestTimeout: 1000,
  maximumRequestBytes: 1000,
  maximumUploadBytes: 1000,
};

async function fetchDescription() {
  const { address } = await serve(services());
  return (await fetch(`${address}/openapi.json`)).json();
}

interface Operation {
  operationId: string;
  summary: string;
  responses: Record<string, { description: string; content?: Record<string, MediaType> }>;
  requestBody?: { content: Record<string, MediaType> };
}
interface MediaType {
  schema: { $ref?: string; example?: unknown };
  example?: unknown;
  examples?: Record<string, { value: { type: string; status: number } }>;
}

function operationsOf(description: { paths: Record<string, Record<string, Operation>> }) {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
  );
}

it('serves a valid OpenAPI 3.1 document', async () => {
  const description = await fetchDescription();
  const { valid, errors } = await new Validator().validate(description);
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
  expect(description.openapi).toMatch(/^3\.1\./);
});

it('groups the operations, and says where they are', async () => {
  const description = await fetchDescription();
  expect(description.servers).toEqual([{ url: '/' }]);
  const tags = description.tags.map(({ name }: { name: string }) => name);
  const used = operationsOf(description).map((operation) => (operation as { tags?: string[] }).tags);
  for (const group of used) expect(tags).toContain(group?.join());
  expect(new Set(used.flat())).toEqual(new Set(tags));
});

it('describes every route that is registered, and no other', async () => {
  const app = createApp(services(), options);
  const registered = app.router.stack.flatMap(({ route }) =>
    (route?.stack ?? [])
      .filter(({ method }) => method)
      .map(({ method }) => `${method} ${route!.path.replaceAll(/:(\w+)/g, '{$1}')}`),
  );
  const described = operationsOf(await fetchDescription()).map(({ name }) => name);
  // The files of the page at / are no part of the API.
  const ofTheApi = registered.filter((operation) => operation !== 'get /studio/{file}');
  expect(described.sort()).toEqual([...new Set(ofTheApi)].sort());
});

it('shows an example of every body, and of every problem by its code', async () => {
  const description = await fetchDescription();
  const hasExample = ({ schema, example, examples }: MediaType): boolean => {
    const component = description.components.schemas[schema.$ref?.split('/').at(-1) ?? ''];
    return [example, examples, schema.example, component?.example].some((given) => given !== undefined);
  };
  for (const { name, responses, requestBody } of operationsOf(description))
    for (const [status, { content = {} }] of [
      ...Object.entries(responses),
      ['request', requestBody ?? {}] as const,
    ])
      for (const [type, body] of Object.entries(content)) {
        if (type === 'multipart/form-data') continue;
        expect(hasExample(body), `${name} ${status} ${type}`).toBe(true);
        for (const [code, { value }] of Object.entries(body.examples ?? {})) {
          expect(value).toMatchObject({ type: `/problems/${code}`, status: Number(status) });
          expect(errorTable).toHaveProperty([code]);
        }
      }
});

it('says what a form carries: the file as binary, the numbers as text', async () => {
  const { components } = await fetchDescription();
  const { PredictionForm, JobForm } = components.schemas;
  expect(PredictionForm.properties.image).toMatchObject({ type: 'string', format: 'binary' });
  expect(JobForm.properties.file).toMatchObject({ type: 'string', format: 'binary' });
  expect(JobForm.required.sort()).toEqual(['file']);
  expect(PredictionForm.required ?? []).toEqual([]);
});

it('has a summary, a name of its own and an unhappy end for every operation', async () => {
  const operations = operationsOf(await fetchDescription());
  expect(operations).toHaveLength(apiRoutes(services(), options).length);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const { summary, responses } of operations) {
    expect(summary).toMatch(/\w/);
    expect(Object.keys(responses)).toContain('500');
  }
});

it('says of every problem what to do next', () => {
  for (const [code, { status, title, fix }] of Object.entries(errorTable)) {
    expect(code).toMatch(/^[a-z-]+$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(title).not.toMatch(/\.$/);
    expect(fix).toMatch(/\.$/);
  }
});
