import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { HeadRegistry } from '../../../../src/heads/registry/heads.ts';
import type { Page } from '../../../../src/store/database/page.ts';
import type { Store } from '../../../../src/store/store.ts';
import { temporaryStore } from '../../store/test-store.ts';

let shipped: string;
let data: string;
let store: Store;
let registry: HeadRegistry;
beforeEach(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'heads-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  shipped = path.join(folder, 'shipped');
  data = path.join(folder, 'data');
  await mkdir(path.join(shipped, 'emoji', '1'), { recursive: true });
  await write('shipped')(path.join(shipped, 'emoji', '1'));
  store = await temporaryStore(data);
  registry = new HeadRegistry(store, shipped);
});

const latest = async (page?: Page) =>
  (await registry.latest(page)).heads.map(({ name, version }) => `${name}@${version}`);

const write = (content: string) => (target: string) => writeFile(path.join(target, 'head.json'), content);

it('numbers the versions of a name, over those that ship with the program', async () => {
  expect(await registry.register('emoji', write('two'))).toMatchObject({ name: 'emoji', version: 2 });
  expect(await registry.register('pets', write('one'))).toMatchObject({ name: 'pets', version: 1 });
  const listed = (await registry.list()).map(({ name, version }) => `${name}@${version}`);
  expect(listed).toEqual(['emoji@1', 'emoji@2', 'pets@1']);
  expect(await latest()).toEqual(['emoji@2', 'pets@1']);
});

it('gives a page of heads by name, the same on every database, and how many there are', async () => {
  // A locale of Postgres passes over hyphens.
  for (const name of ['pets', 'pet-toys', 'petals', 'pet', 'pet-toys', 'gone'])
    await registry.register(name, write(name));
  await registry.delete('gone', 1);
  expect(await latest()).toEqual(['emoji@1', 'pet@1', 'pet-toys@2', 'petals@1', 'pets@1']);
  expect(await latest({ offset: 1, limit: 2 })).toEqual(['pet@1', 'pet-toys@2']);
  expect(await latest({ offset: 5, limit: 2 })).toEqual([]);
  expect((await registry.latest({ offset: 9, limit: 1 })).total).toBe(5);
});

it('reads the heads of a page and no others', async () => {
  for (const name of ['a', 'b', 'c']) await registry.register(name, write(name));
  const another = new HeadRegistry(store, shipped);
  const asked = vi.spyOn(store.database.query, 'selectFrom');
  await another.latest({ offset: 1, limit: 1 });
  expect(asked.mock.calls.filter(([table]) => (table as string) === 'headAlias')).toHaveLength(1);
  asked.mockRestore();
});

it('registers nothing of a job that is another server’s by now', async () => {
  const refused = new Error('it is not yours');
  const job = { id: 'job-1', confirm: () => Promise.reject(refused) };
  await expect(registry.register('pets', write('one'), { job })).rejects.toBe(refused);
  await expect(registry.resolve('pets')).rejects.toMatchObject({ code: 'unknown-head' });
});

it('resolves a name, its latest and a version', async () => {
  await registry.register('emoji', write('two'));
  for (const [reference, version] of [
    ['emoji', 2],
    ['emoji@latest', 2],
    ['emoji@1', 1],
  ] as const)
    expect((await registry.resolve(reference)).version).toBe(version);
});

it('names what there is where a head or a version is unknown', async () => {
  await expect(registry.resolve('pets')).rejects.toMatchObject({
    code: 'unknown-head',
    message: expect.stringContaining('emoji'),
  });
  await expect(registry.resolve('emoji@9')).rejects.toThrow('it has 1');
  await expect(registry.resolve('../emoji')).rejects.toMatchObject({ code: 'unknown-head' });
});

it('registers nothing of a version whose writing fails', async () => {
  const failing = registry.register('pets', async (target) => {
    await writeFile(path.join(target, 'head.json'), 'half');
    throw new Error('disk full');
  });
  await expect(failing).rejects.toThrow('disk full');
  expect((await registry.list()).map(({ name }) => name)).toEqual(['emoji']);
  expect((await registry.register('pets', write('whole'))).version).toBe(1);
});

it('keeps the first version as it was when a second is registered', async () => {
  const first = await registry.register('pets', write('one'));
  await registry.register('pets', write('two'));
  expect(await readFile(path.join(first.folder, 'head.json'), 'utf8')).toBe('one');
});

it('refuses names that are no folder names', async () => {
  for (const name of ['', '../pets', 'Pets', 'a/b', '.hidden', 'a'.repeat(65)])
    await expect(registry.register(name, write(''))).rejects.toMatchObject({ code: 'invalid-request' });
});

it('takes the next number where another process registers the same one first', async () => {
  const other = new HeadRegistry(await temporaryStore(data), shipped);
  const numbers: number[] = [];
  const mine = await registry.register('pets', async (target, version) => {
    numbers.push(version);
    if (version === 1) await other.register('pets', write('theirs'));
    await write('mine')(target);
  });
  expect(numbers).toEqual([1, 2]);
  expect(await readFile(path.join(mine.folder, 'head.json'), 'utf8')).toBe('mine');
  expect((await registry.resolve('pets@1')).manifest).toBe('theirs');
});

it('lets an alias stand for a version, puts it back, and remembers no version that is gone', async () => {
  for (const content of ['one', 'two', 'three']) await registry.register('pets', write(content));
  for (const version of [1, 2, 3]) await registry.setAlias('pets', 'production', version);
  expect(await registry.resolve('pets@production')).toMatchObject({ version: 3 });
  expect(await registry.aliases('pets')).toEqual({ production: 3 });
  await registry.delete('pets', 2);
  expect(await registry.rollback('pets', 'production')).toBe(1);
  expect(await registry.resolve('pets@production')).toMatchObject({ version: 1 });
  await expect(registry.rollback('pets', 'production')).rejects.toMatchObject({ code: 'unknown-head' });
});

it('deletes no version that an alias stands for or that ships with the program', async () => {
  await registry.register('pets', write('one'));
  await registry.setAlias('pets', 'production', 1);
  await registry.setAlias('emoji', 'stable', 1);
  for (const [name, reason] of [
    ['pets', 'pets@production'],
    ['emoji', 'emoji@stable'],
  ])
    await expect(registry.delete(name, 1)).rejects.toMatchObject({
      code: 'head-in-use',
      message: expect.stringContaining(reason),
    });
  expect((await registry.list()).length).toBe(2);
});

it('deletes the version that is named and no other, and files only with a row', async () => {
  for (const content of ['one', 'two', 'three']) await registry.register('pets', write(content));
  await registry.setAlias('pets', 'production', 1);
  const { folder } = await registry.open('pets@3');
  // The last part of a reference may be dropped nowhere: this once removed the files of the latest version.
  for (const name of ['pets@production', 'pets@latest', 'pets@3'])
    for (const change of [
      () => registry.delete(name, 99),
      () => registry.delete(name, 3),
      () => registry.setAlias(name, 'canary', 2),
      () => registry.rollback(name, 'production'),
      () => registry.deleteAlias(name, 'production'),
      () => registry.versions(name),
      () => registry.aliases(name),
    ])
      await expect(change()).rejects.toMatchObject({
        code: 'invalid-request',
        message: expect.stringContaining('give the name alone: pets'),
      });
  await expect(registry.delete('pets', 99)).rejects.toMatchObject({ code: 'unknown-head' });
  for (const reference of ['pets@3@1', 'pets@production@99', 'pets@'])
    await expect(registry.resolve(reference)).rejects.toMatchObject({ code: 'unknown-head' });
  expect(await readFile(path.join(folder, 'head.json'), 'utf8')).toBe('three');
  expect(await registry.versions('pets')).toEqual([1, 2, 3]);
});

it('lets one of two deletions of a version succeed', async () => {
  await registry.register('pets', write('one'));
  const other = new HeadRegistry(await temporaryStore(data), shipped);
  const outcomes = await Promise.allSettled([registry, other].map((each) => each.delete('pets', 1)));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'unknown-head' },
  });
});

it('never gives the number of a deleted version again', async () => {
  await registry.register('pets', write('one'));
  await registry.register('pets', write('two'));
  await registry.delete('pets', 2);
  expect((await registry.resolve('pets')).version).toBe(1);
  expect((await registry.register('pets', write('three'))).version).toBe(3);
});

it.each(['latest', '3', 'Production', '', '../x'])('refuses %j as an alias', async (alias) => {
  await registry.register('pets', write('one'));
  await expect(registry.setAlias('pets', alias, 1)).rejects.toMatchObject({ code: 'invalid-request' });
});

it('knows the version that a job has made, and lets no job make two', async () => {
  const job = { id: 'job-1', confirm: async () => {} };
  await registry.register('pets', write('one'), { job });
  expect(await registry.madeBy('job-1')).toMatchObject({ name: 'pets', version: 1, manifest: 'one' });
  expect(await registry.madeBy('job-2')).toBeUndefined();
  await expect(registry.register('pets', write('two'), { job })).rejects.toThrow(/unique/i);
  expect(await latest()).toEqual(['emoji@1', 'pets@1']);
});

it('knows of each version whether it was trained here, ships with the program or was imported, whatever its files say', async () => {
  const claim = JSON.stringify({ origin: 'trained' });
  await registry.register('pets', write('one'), { origin: 'trained' });
  await registry.register('pets', write(claim), { origin: 'imported' });
  await registry.register('pets', write(claim));
  const originOf = async (reference: string) => (await registry.open(reference)).origin;
  expect(await Promise.all(['emoji@1', 'pets@1', 'pets@2', 'pets@3'].map(originOf))).toEqual([
    'shipped',
    'trained',
    'imported',
    'imported',
  ]);
  const again = new HeadRegistry(await temporaryStore(data), shipped);
  expect((await again.open('pets@1')).origin).toBe('trained');
  const { query } = (await temporaryStore(data)).database;
  await query.updateTable('headVersion').set({ origin: 'shipped' }).where('version', '=', 2).execute();
  expect((await new HeadRegistry(await temporaryStore(data), shipped).open('pets@2')).origin).toBe(
    'imported',
  );
});

it('sees what another process does, and switches for both', async () => {
  const other = new HeadRegistry(await temporaryStore(data), shipped);
  await other.register('pets', write('one'));
  await other.register('pets', write('two'));
  await other.setAlias('pets', 'production', 1);
  await expect.poll(async () => (await registry.resolve('pets@production')).version).toBe(1);
  await registry.setAlias('pets', 'production', 2);
  expect((await registry.resolve('pets@production')).version).toBe(2);
  await expect.poll(async () => (await other.resolve('pets@production')).version).toBe(2);
});

it('lists and serves the others where a row is damaged, and says which it is', async () => {
  for (const name of ['bad-files', 'bad-manifest', 'pets']) await registry.register(name, write('{}'));
  await registry.setAlias('pets', 'production', 1);
  await registry.setAlias('pets', 'broken', 1);
  const { query } = (await temporaryStore(data)).database;
  await query.updateTable('headVersion').set({ files: '[1' }).where('name', '=', 'bad-files').execute();
  await query.updateTable('headVersion').set({ manifest: '' }).where('name', '=', 'bad-manifest').execute();
  await query.updateTable('headAlias').set({ versions: 'x' }).where('alias', '=', 'broken').execute();
  const fresh = new HeadRegistry(await temporaryStore(data), shipped);
  expect((await fresh.list()).map(({ name }) => name)).toEqual([
    'bad-files',
    'bad-manifest',
    'emoji',
    'pets',
  ]);
  expect(await fresh.aliases('pets')).toEqual({ production: 1 });
  await expect(fresh.open('bad-files')).rejects.toMatchObject({
    code: 'damaged-artifact',
    message: expect.stringContaining('bad-files@1'),
  });
  expect(await fresh.open('pets@production')).toMatchObject({ version: 1 });
  await fresh.delete('bad-files', 1);
  expect((await fresh.list()).map(({ name }) => name)).toEqual(['bad-manifest', 'emoji', 'pets']);
});

it('drops what this machine has of versions that another server deleted, and nothing else', async () => {
  for (const content of ['one', 'two']) await registry.register('pets', write(content));
  const [first, second] = await Promise.all(['pets@1', 'pets@2'].map((name) => registry.open(name)));
  expect(await registry.dropDeleted()).toEqual([]);
  await new HeadRegistry(await temporaryStore(data), shipped).delete('pets', 1);
  expect(await registry.dropDeleted()).toEqual([first.folder]);
  expect(await registry.dropDeleted()).toEqual([]);
  await expect(readFile(path.join(first.folder, 'head.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readFile(path.join(second.folder, 'head.json'), 'utf8')).toBe('two');
});
