import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backUp } from '../../src/store/backup.ts';
import { writeFolder } from '../../src/store/durable.ts';

let folder: string;
let data: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'backup-'));
  data = path.join(folder, 'data');
  await mkdir(data);
});
afterEach(() => rm(folder, { recursive: true }));

/** A dataset as they are kept: its picture first, then the folder that speaks of it. */
async function addDataset(number: number): Promise<void> {
  await mkdir(path.join(data, 'pictures'), { recursive: true });
  await writeFile(path.join(data, 'pictures', String(number)), 'a picture');
  await writeFolder(path.join(data, 'catalogue', `set-${number}`), (folder) =>
    writeFile(path.join(folder, 'examples'), String(number)),
  );
}

it('has every picture of every dataset that it has, however many come in meanwhile', async () => {
  let added = 0;
  let copied = false;
  const adding = (async () => {
    while (!copied) await addDataset(added++);
  })();
  await expect.poll(() => added).toBeGreaterThan(10);
  const target = path.join(folder, 'copy');
  await backUp(data, target);
  copied = true;
  await adding;

  const sets = await readdir(path.join(target, 'catalogue'));
  expect(sets.length).toBeGreaterThan(9);
  const pictures = new Set(await readdir(path.join(target, 'pictures')));
  for (const set of sets) expect(pictures).toContain(set.replace('set-', ''));
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
