import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { folderWith, temporaryFolder } from '../../unit/datasets/sample.ts';
import { hunters } from '../hunters.ts';

/** Lets a training live until it prints that tuning has come so far; its last line where it ended by itself. */
async function run(
  folders: Record<'data' | 'table' | 'checkpoints', string>,
  until = Number.POSITIVE_INFINITY,
) {
  const script = path.join(import.meta.dirname, 'tuning-process.ts');
  const child = spawn(process.execPath, [script, folders.data, folders.table, folders.checkpoints], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const tuned: number[] = [];
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    const [stage, done] = line.split(' ');
    if (stage !== 'tuning') continue;
    tuned.push(Number(done));
    if (Number(done) >= until) child.kill('SIGKILL');
  }
  const [code] = await exit;
  return { hash: code === 0 ? last : undefined, first: tuned[0], reached: tuned.at(-1) };
}

it('a tuning that is killed resumes behind the trainings that were done, to the same bytes', async () => {
  const parent = await temporaryFolder();
  const table = await folderWith({ 'metadata.csv': hunters((hunter) => hunter) });
  const folders = (name: string) => ({
    ...{ table, data: path.join(parent, name, 'data'), checkpoints: path.join(parent, name, 'checkpoints') },
  });
  const whole = await run(folders('whole'));
  expect(whole.hash).toMatch(/^[0-9a-f]{64}$/);
  // What the first one encoded need not be encoded again.
  await mkdir(path.join(parent, 'killed'));
  await cp(path.join(parent, 'whole', 'data', 'features'), path.join(parent, 'killed', 'data', 'features'), {
    recursive: true,
  });
  const first = await run(folders('killed'), 40);
  const second = await run(folders('killed'), 70);
  expect([first.hash, second.hash]).toEqual([undefined, undefined]);
  // The training that told whether tuning pays took 30 steps, and was done.
  expect(second.first).toBeGreaterThan(30);
  const resumed = await run(folders('killed'));
  expect(resumed.first).toBeGreaterThan(60);
  expect(resumed.hash).toBe(whole.hash);
});
