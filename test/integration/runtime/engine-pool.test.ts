import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { emitFunction } from '../../../src/graph/emit.ts';
import { add } from '../../../src/graph/operations/elementwise.ts';
import { sum } from '../../../src/graph/operations/reduction.ts';
import { input } from '../../../src/graph/value.ts';
import { Engine, EngineEnded } from '../../../src/runtime/engine.ts';
import { EnginePool, type EnginePoolOptions } from '../../../src/runtime/engine-pool.ts';
import { float32, floatsOf } from '../../../src/runtime/tensor.ts';
import { writeSlowEncoder } from '../../slow-encoder.ts';

let folder: string;
let doubling: string;
let slow: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'engine-pool-'));
  doubling = path.join(folder, 'doubling.onnx');
  const x = input('x', [3]);
  await writeFile(doubling, emitFunction([x], { y: add(x, x) }));
  slow = path.join(folder, 'slow.onnx');
  const large = input('large', [700, 700]);
  let product = large as Parameters<typeof add>[0];
  for (let times = 0; times < 200; times++) product = add(product, large);
  await writeFile(slow, emitFunction([large], { total: sum(product) }));
});
afterAll(() => rm(folder, { recursive: true }));

/** A pool, and its engines in the order of their starts. */
function startPool(engines: number, options: Partial<EnginePoolOptions> = {}) {
  const started: Engine[] = [];
  const losses: Error[] = [];
  const pool = EnginePool.start({
    engines,
    provider: 'cpu',
    threads: 1,
    start(options) {
      const engine = Engine.start(options);
      started.push(engine);
      return engine;
    },
    onLoss: (error) => losses.push(error),
    ...options,
  });
  onTestFinished(() => pool.close());
  return { pool, started, losses };
}

const feeds = () => ({ x: float32([3], [1, 2, 3]) });
const largeFeeds = () => ({ large: float32([700, 700], new Float32Array(490_000)) });

describe('a pool of engines', () => {
  it('runs as many at a time as it has engines, and asks for feeds only when a run can start', async () => {
    const { pool } = startPool(2);
    const session = await pool.load(slow);
    let asked = 0;
    const runs = Array.from({ length: 3 }, () =>
      session.run(() => {
        asked++;
        return largeFeeds();
      }),
    );
    // No engine can answer until the event loop turns: all that starts at once has started after a few microtasks.
    for (let turns = 0; turns < 20; turns++) await null;
    expect(asked).toBe(2);
    await Promise.all(runs);
    expect(asked).toBe(3);
  });

  it('runs nothing where nothing is left to run', async () => {
    const { pool } = startPool(1);
    const session = await pool.load(doubling);
    expect(await session.run(() => undefined)).toEqual({});
    expect([...floatsOf(await session.run(feeds), 'y')]).toEqual([2, 4, 6]);
  });

  it('goes on running on one engine while a model is loaded that takes long', async () => {
    const { pool } = startPool(2);
    const session = await pool.load(doubling);
    await writeSlowEncoder(path.join(folder, 'slow-encoder'), 2);
    let isLoading = true;
    const loading = pool.load(path.join(folder, 'slow-encoder', 'model.onnx')).finally(() => {
      isLoading = false;
    });
    let runs = 0;
    for (; isLoading; runs++) await session.run(feeds);
    await loading;
    expect(runs).toBeGreaterThan(50);
  });

  it('replaces an engine that ended, with every model on the new one', async () => {
    const { pool, started, losses } = startPool(1);
    const sessions = await Promise.all([doubling, doubling].map((model) => pool.load(model)));
    await started[0].close();
    for (const session of sessions) expect([...floatsOf(await session.run(feeds), 'y')]).toEqual([2, 4, 6]);
    expect(started).toHaveLength(2);
    expect(losses).toHaveLength(1);
  });

  it('goes on without a model whose file is gone, where models are loaded again when they are run', async () => {
    const { pool, started, losses } = startPool(1, { reload: 'when-run' });
    const passing = path.join(folder, 'passing.onnx');
    await copyFile(doubling, passing);
    const gone = await pool.load(passing);
    const stays = await pool.load(doubling);
    await rm(passing);
    expect([...floatsOf(await gone.run(feeds), 'y')]).toEqual([2, 4, 6]);
    await started[0].close();
    expect([...floatsOf(await stays.run(feeds), 'y')]).toEqual([2, 4, 6]);
    await expect(gone.run(feeds)).rejects.toThrow('passing.onnx');
    expect([...floatsOf(await stays.run(feeds), 'y')]).toEqual([2, 4, 6]);
    await gone.release();
    expect([started.length, losses.length]).toEqual([2, 1]);
  });

  it('has on a new engine what was loaded while it started, and outlives the release of what was lost', async () => {
    const { pool, started } = startPool(1);
    const lost = await pool.load(doubling);
    const ended = started[0].close();
    const releasing = lost.release();
    await ended;
    const loaded = await Promise.all([doubling, doubling].map((model) => pool.load(model)));
    for (const session of loaded) expect([...floatsOf(await session.run(feeds), 'y')]).toEqual([2, 4, 6]);
    await releasing;
    expect(started).toHaveLength(2);
  });

  it.each(['before-use', 'when-run'] as const)(
    'loads a model whose only engine ends over it on the one that comes after, %s',
    async (reload) => {
      const { pool, started } = startPool(1, { reload });
      const ended = started[0].close();
      const session = await pool.load(doubling);
      expect([...floatsOf(await session.run(feeds), 'y')]).toEqual([2, 4, 6]);
      await ended;
      expect(started).toHaveLength(2);
    },
  );

  it('refuses a model that is none, though its only engine ends over it', async () => {
    const { pool, started } = startPool(1, { reload: 'when-run' });
    const ended = started[0].close();
    await expect(pool.load(path.join(folder, 'nowhere.onnx'))).rejects.toThrow('nowhere.onnx');
    await ended;
  });

  it('runs once more elsewhere what an engine was given when it ended', async () => {
    const { pool, started } = startPool(2);
    const session = await pool.load(doubling);
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        if (index === 10) void started[0].close();
        return floatsOf(await session.run(feeds), 'y')[0];
      }),
    );
    expect(answers).toEqual(Array(40).fill(2));
  });

  it('refuses what waits and what comes once it is closed', async () => {
    const { pool } = startPool(1);
    const session = await pool.load(slow);
    const [running, waiting] = [session.run(largeFeeds), session.run(largeFeeds)];
    const refused = expect(waiting).rejects.toBeInstanceOf(EngineEnded);
    await Promise.all([pool.close(), running, refused]);
    await expect(session.run(largeFeeds)).rejects.toBeInstanceOf(EngineEnded);
  });
});
