import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Scratch } from '../../../src/store/scratch.ts';
import { openStore } from '../../../src/store/store.ts';
import { storeAt } from './test-store.ts';

async function dataFolder(): Promise<string> {
  const data = await mkdtemp(path.join(tmpdir(), 'scratch-'));
  onTestFinished(() => rm(data, { recursive: true }));
  return data;
}

const scratchIn = (data: string) => readdir(path.join(data, 'scratch'), { recursive: true });

it('lies in one place of the data folder, and goes with the store', async () => {
  const data = await dataFolder();
  const store = await openStore(storeAt(data));
  const folder = await store.makeScratch();
  await writeFile(path.join(folder, 'half'), 'written');
  expect(path.relative(path.join(data, 'scratch'), folder)).toMatch(/^[^./]/);
  expect((await readdir(data)).filter((name) => /^scratch./.test(name))).toEqual([]);
  await store.close();
  expect(await scratchIn(data)).toEqual([]);
});

it('is removed at the next start where its process was killed, and left alone while its process lives', async () => {
  const data = await dataFolder();
  const script = `
    import { Scratch } from ${JSON.stringify(new URL('../../../src/store/scratch.ts', import.meta.url).href)};
    import { writeFile } from 'node:fs/promises';
    const folder = await new Scratch(${JSON.stringify(data)}).makeFolder();
    await writeFile(folder + '/half', 'written');
    console.log(folder);
    setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(other.stdout, 'data');
  await using own = await openStore(storeAt(data));
  await own.makeScratch();
  await new Scratch(data).removeAbandoned();
  expect((await scratchIn(data)).filter((name) => name.endsWith('half'))).toHaveLength(1);
  other.kill('SIGKILL');
  await once(other, 'exit');
  await new Scratch(data).removeAbandoned();
  // What is left is this store's: its folder, the one it asked for, and the lock.
  const left = await scratchIn(data);
  expect(left.filter((name) => name.endsWith('half'))).toEqual([]);
  expect(left).toHaveLength(3);
});

it('of an earlier release is removed a day later', async () => {
  const data = await dataFolder();
  const folders = ['scratchA1b2C3', 'scratch-mine', 'scratch/.x1', 'scratchNew123'].map((name) =>
    path.join(data, name),
  );
  for (const folder of folders) await mkdir(folder, { recursive: true });
  for (const folder of folders.slice(0, 3)) await utimes(folder, 0, 0);
  await new Scratch(data).removeAbandoned();
  expect(await scratchIn(data)).toEqual([]);
  expect((await readdir(data)).sort()).toEqual(['scratch', 'scratch-mine', 'scratchNew123']);
});
