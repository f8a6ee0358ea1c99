import { expect, it } from 'vitest';
import { RateLimit } from '../../src/server/rate-limit.ts';
import { problemOf, serve, services } from './double.ts';

it('refuses a caller who asks too often, tells when to come back, and lets others and probes through', async () => {
  const { address } = await serve(services(), { rateLimit: new RateLimit(3) });
  const ask = (key?: string) =>
    fetch(`${address}/v1/heads`, { headers: key ? { Authorization: `Bearer ${key}` } : {} });
  for (let time = 0; time < 3; time++) expect((await ask('a')).status).toBe(200);
  const refused = await ask('a');
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
  expect(refused.headers.get('RateLimit-Policy')).toMatch(/q=3; w=60/);
  expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'rate-limited' });
  expect((await ask('b')).status).toBe(200);
  expect((await ask()).status).toBe(200);
  for (let time = 0; time < 5; time++) expect((await fetch(`${address}/healthz`)).status).toBe(200);
});
