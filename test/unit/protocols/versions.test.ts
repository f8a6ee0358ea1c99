import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Context } from '../../../src/app/context.ts';
import { headsOf } from '../../../src/app/heads.ts';
import { versionServices } from '../../../src/app/version-services.ts';
import { completeSettings } from '../../../src/read-settings.ts';
import { sampleReport } from '../reports/report-sample.ts';
import { fetch, problemOf, serve, services } from './double.ts';

/** The heads of an empty data folder, and the registry that they are kept in. */
async function emptyRegistry() {
  const data = await mkdtemp(path.join(tmpdir(), 'heads-'));
  const context = new Context(completeSettings({ data, models: data }));
  onTestFinished(async () => {
    await context.close();
    await rm(data, { recursive: true });
  });
  return { registry: await context.registry(), versions: versionServices(headsOf(context)) };
}

/** A server over a real registry with two versions of one head. */
async function serveRegistry(): Promise<string> {
  const { registry, versions } = await emptyRegistry();
  for (const content of ['one', 'two'])
    await registry.register('pets', (target) => writeFile(path.join(target, 'head.json'), content));
  const { address } = await serve(services({ versions }));
  return `${address}/v1/heads/pets`;
}

function put(address: string, body: unknown): Promise<Response> {
  return fetch(address, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

it('switches an alias, puts it back, and deletes what nothing stands for', async () => {
  const head = await serveRegistry();
  expect(await (await fetch(head)).json()).toEqual({ name: 'pets', versions: [1, 2], aliases: {} });
  await put(`${head}/aliases/production`, { version: 1 });
  const switched = await put(`${head}/aliases/production`, { version: 2 });
  expect((await switched.json()).aliases).toEqual({ production: 2 });
  const used = await problemOf(await fetch(`${head}/versions/2`, { method: 'DELETE' }));
  expect(used).toMatchObject({ status: 409, code: 'head-in-use' });
  const back = await fetch(`${head}/aliases/production/rollback`, { method: 'POST' });
  expect((await back.json()).aliases).toEqual({ production: 1 });
  const left = await fetch(`${head}/versions/2`, { method: 'DELETE' });
  expect(await left.json()).toEqual({ name: 'pets', versions: [1], aliases: { production: 1 } });
});

it('takes an alias away, and its version stays', async () => {
  const head = await serveRegistry();
  await put(`${head}/aliases/canary`, { version: 2 });
  const left = await fetch(`${head}/aliases/canary`, { method: 'DELETE' });
  expect(await left.json()).toEqual({ name: 'pets', versions: [1, 2], aliases: {} });
  const again = await problemOf(await fetch(`${head}/aliases/canary`, { method: 'DELETE' }));
  expect(again).toMatchObject({ status: 404, detail: 'pets has no alias "canary"' });
});

it('deletes a version by its number alone, not whatever is the latest', async () => {
  const head = await serveRegistry();
  const refused = await problemOf(await fetch(`${head}/versions/latest`, { method: 'DELETE' }));
  expect(refused).toMatchObject({ status: 400, detail: expect.stringContaining('"latest" is no number') });
  expect((await (await fetch(head)).json()).versions).toEqual([1, 2]);
});

it.each<[string, unknown, number]>([
  ['production', { version: 9 }, 404],
  ['production', { version: 'two' }, 400],
  ['production', { version: 1, now: true }, 400],
  ['latest', { version: 1 }, 400],
])('refuses the alias %s with %j', async (alias, body, status) => {
  const head = await serveRegistry();
  expect(await problemOf(await put(`${head}/aliases/${alias}`, body))).toMatchObject({ status });
  expect((await (await fetch(head)).json()).aliases).toEqual({});
});

it('compares a version with another one of the head by number or alias, and with one of another head', async () => {
  const { manifest } = sampleReport({ examples: 80 });
  const { registry, versions } = await emptyRegistry();
  const register = (name: string, change: object) =>
    registry.register(name, (folder, version) =>
      writeFile(path.join(folder, 'head.json'), JSON.stringify({ ...manifest, name, version, ...change })),
    );
  await register('pets', {});
  await register('pets', { labels: [...manifest.labels, 'yak'] });
  await register('cats', { training: { ...manifest.training, seed: 8 } });
  await registry.setAlias('pets', 'production', 2);
  const { address } = await serve(services({ versions }));
  const compare = (query: string) => fetch(`${address}/v1/heads/pets/versions/1/compare${query}`);
  for (const other of ['2', 'production']) {
    const response = await compare(`?with=${other}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      first: { name: 'pets', version: 1 },
      second: { name: 'pets', version: 2 },
      labels: { added: ['yak'], removed: [] },
      differences: [],
      testedOn: { examples: 'unknown' },
    });
  }
  expect(await (await compare('?with=cats@1')).json()).toMatchObject({
    second: { name: 'cats', version: 1 },
    differences: [{ field: 'training.seed', first: 7, second: 8 }],
    testedOn: { examples: 'others' },
  });
  expect(await problemOf(await compare('?with=9'))).toMatchObject({ status: 404, code: 'unknown-head' });
  expect(await problemOf(await compare(''))).toMatchObject({ status: 400, code: 'invalid-request' });
  expect(await problemOf(await compare('?with=2&dataset=x'))).toMatchObject({ status: 400 });
});
