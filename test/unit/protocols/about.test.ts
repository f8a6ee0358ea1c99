import { expect, it } from 'vitest';
import { fetch, problemOf, sendForm, serve, services } from './double.ts';

it('lives, and is ready while its services are', async () => {
  let ready = true;
  const { address } = await serve(services({ ready: async () => ready, provider: 'cuda' }));
  expect(await (await fetch(`${address}/healthz`)).json()).toEqual({ status: 'ok' });
  expect(await (await fetch(`${address}/readyz`)).json()).toEqual({ status: 'ready', provider: 'cuda' });
  ready = false;
  const problem = await problemOf(await fetch(`${address}/readyz`));
  expect(problem).toMatchObject({ status: 503, code: 'not-ready' });
  expect((await fetch(`${address}/healthz`)).status).toBe(200);
});

it('lists the heads', async () => {
  const figures = { examples: 9, accuracy: 1, macroF1: 1, negativeLogLikelihood: 0, calibrationError: 0 };
  const head = {
    name: 'emoji',
    version: 3,
    target: 'single' as const,
    labels: ['a', 'b'],
    modalities: ['text' as const],
    encoders: [{ modality: 'text' as const, id: 'texts', dimension: 2, fingerprint: 'b2' }],
    createdAt: '2026-01-31T12:00:00.000Z',
    metrics: { fused: figures, unimodal: {} },
    decides: false,
  };
  const { address } = await serve(
    services({ heads: async () => ({ heads: [head], damaged: [], total: 1 }) }),
  );
  expect(await (await fetch(`${address}/v1/heads`)).json()).toEqual({ offset: 0, total: 1, heads: [head] });
});

it('has an index whose links all lead somewhere', async () => {
  const { address } = await serve(services());
  const { name, version, links } = await (await fetch(address)).json();
  expect(name).toMatch(/\w/);
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
  for (const link of Object.values(links)) expect((await fetch(`${address}${link}`)).status).toBe(200);
});

it('returns a sane request id of the caller’s, and makes one otherwise', async () => {
  const { address } = await serve(services());
  const idFor = async (id?: string) => {
    const response = await fetch(`${address}/healthz`, { headers: id ? { 'X-Request-Id': id } : {} });
    return response.headers.get('X-Request-Id');
  };
  expect(await idFor('trace-1:a.b_c')).toBe('trace-1:a.b_c');
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  for (const id of [undefined, 'x'.repeat(129), 'a b', '{"level":50}']) expect(await idFor(id)).toMatch(uuid);
});

it('logs each request once, without what was in it', async () => {
  const { address, logged } = await serve(services());
  const fields = { text: 'my private words', image: new Blob(['private pixels']) };
  const response = await sendForm(`${address}/v1/predict?head=hush`, fields);
  await response.text();
  await expect.poll(logged).not.toBe('');
  const lines = logged().trim().split('\n');
  expect(lines).toHaveLength(1);
  const expected = { method: 'POST', path: '/v1/predict', status: 200, milliseconds: expect.any(Number) };
  expect(JSON.parse(lines[0])).toMatchObject({ id: response.headers.get('X-Request-Id'), ...expected });
  expect(logged()).not.toMatch(/private|hush/);
});

it('names no software, and forbids guessing at types', async () => {
  const { address } = await serve(services());
  for (const path of ['/', '/nowhere', '/v1/heads']) {
    const { headers } = await fetch(address + path);
    expect(headers.get('X-Powered-By')).toBeNull();
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
  }
});

it('says which heads it cannot answer for, and is ready for the others', async () => {
  const { address } = await serve(services({ unfitHeads: () => ['pets@3'] }));
  const answer = await fetch(`${address}/readyz`);
  expect([answer.status, await answer.json()]).toEqual([
    200,
    { status: 'ready', provider: 'cpu', unfitHeads: ['pets@3'] },
  ]);
});
