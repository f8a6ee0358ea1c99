import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { versionServices } from '../../src/commands/version-services.ts';
import { HeadRegistry } from '../../src/store/heads.ts';
import { temporaryStore } from '../store/test-store.ts';
import { problemOf, serve, services } from './double.ts';

const notImporting = {
  fingerprints: { image: '', text: '' },
  loader: { provider: 'cpu' as const, load: () => Promise.reject(new Error('nothing is loaded here')) },
  workspace: tmpdir(),
};

/** A server over a real registry with two versions of one head. */
async function serveRegistry(): Promise<string> {
  const registry = new HeadRegistry(await temporaryStore());
  for (const content of ['one', 'two'])
    await registry.register('pets', (target) => writeFile(path.join(target, 'head.json'), content));
  const { address } = await serve(services({ versions: versionServices(registry, notImporting) }));
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
