import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HeadRegistry } from '../../../src/heads/registry/heads.ts';
import { backUp } from '../../../src/store/backup.ts';
import { openStore } from '../../../src/store/store.ts';

let folder: string;
let data: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'backup-'));
  data = path.join(folder, 'data');
  await mkdir(data);
});
afterEach(() => rm(folder, { recursive: true }));

it('has every file that its database speaks of, however many come in meanwhile', async () => {
  await using store = await openStore({ data });
  const registry = new HeadRegistry(store);
  const register = (number: number) =>
    registry.register('pets', (folder) => writeFile(path.join(folder, 'head.json'), String(number)));
  for (let number = 0; number < 20; number++) await register(number);
  let copied = false;
  const adding = (async () => {
    for (let number = 20; !copied; number++) await register(number);
  })();
  const target = path.join(folder, 'copy');
  await backUp(data, target);
  copied = true;
  await adding;

  await using copy = await openStore({ data: target });
  const heads = new HeadRegistry(copy);
  const versions = await heads.list();
  expect(versions.length).toBeGreaterThanOrEqual(20);
  for (const { name, version, manifest } of versions) {
    const { folder } = await heads.open(`${name}@${version}`);
    expect(await readFile(path.join(folder, 'head.json'), 'utf8')).toBe(manifest);
  }
});

it('takes a database as it was at one moment, without the files that SQLite keeps beside it', async () => {
  const database = new DatabaseSync(path.join(data, 'tandem.sqlite'));
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE pair (a, b); INSERT INTO pair VALUES (0, 0)');
  const writing = setInterval(() => database.exec('UPDATE pair SET a = a + 1, b = b + 1'), 1);
  await writeFile(path.join(data, 'lock'), '');
  const target = path.join(folder, 'copy');
  await backUp(data, target);
  clearInterval(writing);
  database.close();
  expect(await readdir(target)).toEqual(['tandem.sqlite']);
  const copy = new DatabaseSync(path.join(target, 'tandem.sqlite'));
  const { a, b } = copy.prepare('SELECT a, b FROM pair').get()!;
  copy.close();
  expect(a).toBe(b);
});

it('begins anew where something that counts went away meanwhile, and has nothing of it then', async () => {
  const version = path.join(data, 'heads', 'pets', '1');
  await mkdir(version, { recursive: true });
  for (let number = 0; number < 300; number++) await writeFile(path.join(version, `${number}`), 'weights');
  const target = path.join(folder, 'copy');
  const copying = backUp(data, target);
  await expect.poll(() => readdir(folder), { interval: 1 }).toContainEqual(expect.stringMatching(/^\.copy/));
  await rm(version, { recursive: true });
  expect(await copying).toEqual({ files: 0, bytes: 0 });
  expect(await readdir(folder)).toEqual(expect.not.arrayContaining([expect.stringMatching(/^\./)]));
});
