import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { HeadEngines, sayingWhoStopped } from '../../../src/heads/engines.ts';
import { EngineEnded } from '../../../src/runtime/engine.ts';
import { float32, floatsOf } from '../../../src/runtime/tensor.ts';
import { endlessHead, plainHead } from '../../attack/payloads/heads.ts';

const form = { encoders: [{ modality: 'text', dimension: 3 }], labels: ['a', 'b'] };
const feeds = () => ({ text: float32([1, 3], Float32Array.of(1, 2, 3)) });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'head-engines-'));
  await writeFile(path.join(folder, 'plain.onnx'), plainHead(form));
  await writeFile(path.join(folder, 'endless.onnx'), endlessHead(form));
});
afterAll(() => rm(folder, { recursive: true }));

function startEngines(timeout = 10_000) {
  const engines = new HeadEngines({ provider: 'cpu', timeout });
  onTestFinished(() => engines.close());
  return engines;
}

/** Processes that this one has started for engines, and that have not ended. */
function engineProcesses(): number {
  const all = execFileSync('ps', ['-eo', 'ppid=,args='], { encoding: 'utf8' }).split('\n');
  return all.filter((line) => Number.parseInt(line, 10) === process.pid && line.includes('engine-process'))
    .length;
}

it('runs the heads that are its own in a thread, and starts a process only for one that was imported', async () => {
  const engines = startEngines();
  const plain = path.join(folder, 'plain.onnx');
  const own = await engines.loaderOf({ folder, origin: 'trained' }).load(plain);
  expect(engines.loaderOf({ folder, origin: 'shipped' })).toBe(
    engines.loaderOf({ folder, origin: 'trained' }),
  );
  const answer = floatsOf(await own.run(feeds), 'fused');
  expect(engineProcesses()).toBe(0);
  const imported = await engines.loaderOf({ folder, origin: 'imported' }).load(plain);
  expect(engines.loaderOf({ folder })).toBe(engines.loaderOf({ folder, origin: 'imported' }));
  expect(floatsOf(await imported.run(feeds), 'fused')).toEqual(answer);
  expect(engineProcesses()).toBe(1);
});

it('kills what an imported head never ends, says so, and lets the others answer meanwhile', async () => {
  const engines = startEngines(1000);
  const imported = engines.loaderOf({ folder, origin: 'imported' });
  const wedge = await imported.load(path.join(folder, 'endless.onnx'));
  const own = await engines.loaderOf({ folder, origin: 'trained' }).load(path.join(folder, 'plain.onnx'));
  const stopped = sayingWhoStopped(() => wedge.run(feeds));
  const first = await Promise.race([own.run(feeds).then(() => 'own'), stopped.catch(() => 'imported')]);
  expect(first).toBe('own');
  await expect(stopped).rejects.toMatchObject({
    code: 'head-stopped',
    message: expect.stringContaining('1000 ms'),
  });
});

it('loads nothing once it is closed', async () => {
  const engines = startEngines();
  await engines.close();
  expect(() => engines.loaderOf({ folder })).toThrow(EngineEnded);
});
