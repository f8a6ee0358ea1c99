import { expect, it } from 'vitest';
import type { Services } from '../../../src/protocols/pipeline/services.ts';
import { problemOf, sendJson, serve, services } from './double.ts';

const labels = ['cat', 'dog'];

it('makes a head of label names and says where it is', async () => {
  const asked: Parameters<Services['versions']['zeroShot']>[] = [];
  const { versions } = services();
  const { address } = await serve(
    services({
      versions: {
        ...versions,
        zeroShot: async (...given) => {
          asked.push(given);
          return versions.zeroShot(...given);
        },
      },
    }),
  );
  const request = { labels, templates: ['a photo of a {}'], imageEncoder: 'clip', textEncoder: 'clip' };
  const response = await sendJson(`${address}/v1/heads/animals/zero-shot`, request);
  expect([response.status, response.headers.get('location')]).toEqual([201, '/v1/heads/animals']);
  expect(await response.json()).toMatchObject({ head: 'animals', version: 1, labels, modalities: ['text'] });
  expect(asked[0].slice(0, 2)).toEqual(['animals', request]);
});

it.each([
  [{}, 'labels'],
  [{ labels, target: 'regression' }, 'target'],
  [{ labels, logitScale: 0 }, 'logitScale'],
  [{ labels: Array.from({ length: 5001 }, (_, index) => `label ${index}`) }, 'more than 5000 texts'],
  [{ labels, name: 'animals' }, 'name'],
])('rejects %j', async (body, named) => {
  const { address } = await serve(services());
  const problem = await problemOf(await sendJson(`${address}/v1/heads/animals/zero-shot`, body));
  expect(problem).toMatchObject({ status: 400, code: 'invalid-request' });
  expect(JSON.stringify(problem)).toContain(named);
});
