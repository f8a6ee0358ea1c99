import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { DamagedModel } from '../../../src/runtime/damaged-model.ts';
import { Engine, EngineEnded, EngineTimeout } from '../../../src/runtime/engine.ts';
import { EnginePool } from '../../../src/runtime/engine-pool.ts';
import { float32, floatsOf } from '../../../src/runtime/tensor.ts';
import { sha256OfFile } from '../../../src/store/files/checksum.ts';
import { endlessHead, plainHead } from '../../attack/payloads/heads.ts';

const form = { encoders: [{ modality: 'text', dimension: 3 }], labels: ['a', 'b'] };

let folder: string;
let plain: string;
let endless: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'engine-process-'));
  [plain, endless] = ['plain.onnx', 'endless.onnx'].map((name) => path.join(folder, name));
  await writeFile(plain, plainHead(form));
  await writeFile(endless, endlessHead(form));
});
afterAll(() => rm(folder, { recursive: true }));

/** A pool whose engine may take half a second for a run. */
function startPool() {
  const losses: Error[] = [];
  const engines: Engine[] = [];
  const pool = EnginePool.start({
    engines: 1,
    reload: 'when-run',
    provider: 'cpu',
    threads: 1,
    start(options) {
      const engine = Engine.startProcess(options, { timeout: 500 });
      engines.push(engine);
      return engine;
    },
    onLoss: (error) => losses.push(error),
  });
  onTestFinished(() => pool.close(500));
  return { pool, losses, engines };
}

const feeds = (value: number) => () => ({ text: float32([2, 3], new Float32Array(6).fill(value)) });

describe('an engine in a process of its own', () => {
  it('answers as one in a thread does, whatever the order of asking', async () => {
    const engine = Engine.startProcess({ provider: 'cpu', threads: 1 }, { timeout: 10_000 });
    const thread = Engine.start({ provider: 'cpu', threads: 1 });
    const [here, there] = await Promise.all([thread.load(plain), engine.load(plain)]);
    const values = Array.from({ length: 50 }, (_, index) => index / 7);
    const [own, other] = await Promise.all(
      [here, there].map((session) =>
        Promise.all(values.map(async (value) => [...floatsOf(await session.run(feeds(value)), 'fused')])),
      ),
    );
    expect(other).toEqual(own);
    await Promise.all([engine.close(), thread.close()]);
    await expect(there.run(feeds(1))).rejects.toBeInstanceOf(EngineEnded);
  });

  it('is killed where a run takes too long, and another takes its place; other models go on', async () => {
    const { pool, losses, engines } = startPool();
    const [good, bad] = await Promise.all([plain, endless].map((model) => pool.load(model)));
    // As a trial may: with features that are all zero it answers.
    expect(floatsOf(await bad.run(feeds(0)), 'fused')).toHaveLength(4);
    const wedged = bad.run(feeds(1));
    const waiting = good.run(feeds(1));
    await expect(wedged).rejects.toBeInstanceOf(EngineTimeout);
    expect(floatsOf(await waiting, 'fused')).toHaveLength(4);
    expect(engines).toHaveLength(2);
    expect(losses.map(({ name }) => name)).toEqual(['EngineTimeout']);
    expect(floatsOf(await bad.run(feeds(0)), 'fused')).toHaveLength(4);
  });

  it('fails the run that took too long, and nothing that waited behind it', async () => {
    const { pool } = startPool();
    const bad = await pool.load(endless);
    await bad.run(feeds(0));
    const wedged = expect(bad.run(feeds(1))).rejects.toBeInstanceOf(EngineTimeout);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const loading = pool.load(plain);
    await wedged;
    expect(floatsOf(await (await loading).run(feeds(1)), 'fused')).toHaveLength(4);
  });

  it('is started again, now and then, where it cannot be started', async () => {
    const { execPath } = process;
    onTestFinished(() => {
      process.execPath = execPath;
    });
    process.execPath = path.join(folder, 'missing');
    const { pool, engines } = startPool();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(engines.length).toBeLessThan(3);
    process.execPath = execPath;
    const good = await pool.load(plain);
    expect(floatsOf(await good.run(feeds(1)), 'fused')).toHaveLength(4);
  });

  it('is killed where it does not end when it is closed', async () => {
    const engines: Engine[] = [];
    const pool = EnginePool.start({
      engines: 1,
      provider: 'cpu',
      threads: 1,
      start(options) {
        engines.push(Engine.startProcess(options, { timeout: 60_000 }));
        return engines[0];
      },
    });
    const bad = await pool.load(endless);
    const wedged = expect(bad.run(feeds(1))).rejects.toBeInstanceOf(EngineEnded);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const started = performance.now();
    await Promise.all([pool.close(300), wedged, engines[0].exit]);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('loads a file only with the sha256 that it should have, also after an engine was lost', async () => {
    const { pool, engines } = startPool();
    const passing = path.join(folder, 'passing.onnx');
    await writeFile(passing, plainHead(form));
    const sha256 = await sha256OfFile(passing);
    const session = await pool.load(passing, { sha256 });
    await session.run(feeds(1));
    await writeFile(passing, plainHead({ ...form, labels: ['a', 'c', 'd'] }));
    await engines[0].close();
    await expect(session.run(feeds(1))).rejects.toThrow('passing.onnx does not have the sha256');
    await expect(pool.load(passing, { sha256 })).rejects.toBeInstanceOf(DamagedModel);
  });
});
