import { Validator } from '@seriousme/openapi-schema-validator';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { errorTable } from '../../src/errors.ts';
import { apiRoutes } from '../../src/server/app.ts';
import { describeApi } from '../../src/server/openapi.ts';
import type { Services } from '../../src/server/services.ts';

const options = {
  logger: pino({ level: 'silent' }),
  defaultHead: 'emoji',
  uploadFolder: '.',
  requestTimeout: 1000,
  maximumRequestBytes: 1000,
  maximumUploadBytes: 1000,
};
// The description needs the routes, which only hold on to the services until they are called.
const routes = apiRoutes({} as Services, options);
const description = describeApi(routes);

it('is a valid OpenAPI 3.1 document', async () => {
  const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(description)));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

it('has a summary, a name of its own and an unhappy end for every operation', () => {
  const operations = Object.values(description.paths!).flatMap((path) => Object.values(path));
  expect(operations).toHaveLength(routes.length);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
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
