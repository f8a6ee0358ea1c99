import { expect, it } from 'vitest';
import type { Access } from '../../../../src/protocols/pipeline/access.ts';
import { fetch, problemOf, serve, services } from '../double.ts';

const text = JSON.stringify({ head: 'emoji', inputs: [{ text: 'a' }] });

async function predict(address: string, headers: Record<string, string>) {
  const all = { 'Content-Type': 'application/json', ...headers };
  return fetch(`${address}/v1/predict`, { method: 'POST', body: text, headers: all });
}

it('refuses what a page of another site sends without a key, and answers its own and who is no browser', async () => {
  const access: Access = async (secret) => (secret === 'right' ? 'admin' : 'open');
  const { address } = await serve(services(), { access });
  const status = async (headers: Record<string, string>) => (await predict(address, headers)).status;
  expect(await status({})).toBe(200);
  expect(await status({ Origin: address })).toBe(200);
  expect(await status({ Origin: 'https://studio.example', 'Sec-Fetch-Site': 'same-origin' })).toBe(200);
  const others: Record<string, string>[] = [
    { Origin: 'https://elsewhere.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'http://127.0.0.1:1', 'Sec-Fetch-Site': 'same-site' },
  ];
  for (const headers of others) expect(await status(headers)).toBe(403);
  const refused = await predict(address, { Origin: 'https://elsewhere.example' });
  expect(await problemOf(refused)).toMatchObject({
    code: 'forbidden',
    detail: expect.stringContaining('https://elsewhere.example'),
  });
  expect(await status({ Origin: 'https://elsewhere.example', Authorization: 'Bearer right' })).toBe(200);
  const link = await fetch(`${address}/v1/heads`, { headers: { 'Sec-Fetch-Site': 'cross-site' } });
  expect(link.status).toBe(200);
});

it('takes a key for one only where it counts', async () => {
  const keyless = await serve(services());
  const keyed = await serve(services(), {
    access: async (secret) => (secret === 'right' ? 'admin' : undefined),
  });
  const origin = { Origin: 'https://elsewhere.example', Authorization: 'Bearer made-up' };
  expect((await predict(keyless.address, origin)).status).toBe(403);
  expect((await predict(keyed.address, { ...origin, Authorization: 'Bearer right' })).status).toBe(200);
});
