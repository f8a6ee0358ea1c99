import { expect, it } from 'vitest';
import { type Access, openAccess } from '../../../../src/protocols/pipeline/access.ts';
import { RateLimit } from '../../../../src/protocols/pipeline/rate-limit.ts';
import { fetch, problemOf, serve, services } from '../double.ts';

it('refuses a caller who asks too often, tells when to come back, and lets others and probes through', async () => {
  const access: Access = async (secret) => (secret && 'ab'.includes(secret) ? 'admin' : undefined);
  const { address } = await serve(services(), { access, rateLimit: new RateLimit(3, access) });
  const ask = (key?: string) =>
    fetch(`${address}/v1/heads`, { headers: key ? { Authorization: `Bearer ${key}` } : {} });
  for (let time = 0; time < 3; time++) expect((await ask('a')).status).toBe(200);
  const refused = await ask('a');
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
  expect(refused.headers.get('RateLimit-Policy')).toMatch(/q=3; w=60/);
  expect(await problemOf(refused)).toMatchObject({ status: 429, code: 'rate-limited' });
  expect((await ask('b')).status).toBe(200);
  for (const status of [401, 401, 401, 429]) expect((await ask()).status).toBe(status);
  for (let time = 0; time < 5; time++) expect((await fetch(`${address}/healthz`)).status).toBe(200);
});

it('counts callers without a valid key by address, whatever key they send', async () => {
  const { address } = await serve(services(), { rateLimit: new RateLimit(2, openAccess) });
  const ask = (key: string) => fetch(`${address}/v1/heads`, { headers: { Authorization: `Bearer ${key}` } });
  expect([(await ask('one')).status, (await ask('two')).status, (await ask('three')).status]).toEqual([
    200, 200, 429,
  ]);
});
