import { readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import { expect, it } from 'vitest';
import { exists } from '../../../src/store/files/exists.ts';
import { temporaryStore } from './test-store.ts';

const day = 24 * 3_600_000;

it('artifacts give room back whose copies nobody asked for in a week, but for those of heads', async () => {
  const { artifacts, options, makeScratch } = await temporaryStore();
  const file = path.join(await makeScratch(), 'content');
  await writeFile(file, 'content');
  const keys = ['images/old', 'images/asked-for', 'heads/pets/1/head.onnx'];
  await artifacts.add(keys.map((key) => [key, file]));
  const aged = async (key: string) => {
    const lies = await artifacts.path(key);
    const then = new Date(Date.now() - 8 * day);
    await utimes(lies, then, then);
    return lies;
  };
  const [old, askedFor, head] = await Promise.all(keys.map(aged));
  await artifacts.path('images/asked-for');
  await artifacts.removeStaleCopies();
  // In the data folder nothing is a copy.
  expect(await exists(old)).toBe(options.artifacts === undefined);
  expect([await exists(askedFor), await exists(head)]).toEqual([true, true]);
  expect(await readFile(await artifacts.path('images/old'), 'utf8')).toBe('content');
});

it('takes a file into a folder that removals empty again and again', async () => {
  const { artifacts, makeScratch } = await temporaryStore();
  const scratch = await makeScratch();
  const keys = Array.from({ length: 300 }, (_, number) => `jobs/a/${number}`);
  const takeAndRemove = async (key: string) => {
    const file = path.join(scratch, path.basename(key));
    await writeFile(file, key);
    await artifacts.take(key, file);
    await artifacts.remove([key]);
  };
  await pMap(keys, takeAndRemove, { concurrency: 3 });
  for (const key of keys) expect(await artifacts.has(key)).toBe(false);
});
