import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { openImage } from '../../../../src/modalities/image/decode.ts';
import { sharp } from '../../../../src/modalities/image/sharp.ts';

it('opens every image while threads start that load the same library', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'loaders-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'square.png');
  await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFile(file);
  const module = new URL('../../../../src/modalities/image/sharp.ts', import.meta.url);
  let started = 0;
  const start = async () => {
    for (let index = 0; index < 15; index++) {
      const worker = new Worker(`import(${JSON.stringify(module)})`, { eval: true });
      await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
      started++;
    }
  };
  const threads = Promise.all([start(), start()]);
  let opened = 0;
  while (started < 30) {
    await Promise.all(Array.from({ length: 20 }, () => openImage(file)));
    opened += 20;
  }
  await threads;
  expect(opened).toBeGreaterThan(100);
});
