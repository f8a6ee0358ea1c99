import { afterAll, describe, expect, it } from 'vitest';
import { emitFunction, emitLoop, loopInputName, loopOutputName } from '../../../src/graph/emit.ts';
import { add, multiply } from '../../../src/graph/operations/elementwise.ts';
import { sum } from '../../../src/graph/operations/reduction.ts';
import { dynamic, input } from '../../../src/graph/value.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf } from '../../../src/runtime/tensor.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

const x = input('x', [3]);
const w = input('w', [3]);
const doubled = () => emitFunction([x], { y: add(x, x) });

describe('an engine', () => {
  it('moves the feeds to its thread instead of copying them', async () => {
    const session = await engine.load(doubled());
    const feed = float32([3], [1, 2, 3]);
    const { y } = await session.run({ x: feed });
    expect(y).toEqual({ type: 'float32', dims: [3], data: Float32Array.of(2, 4, 6) });
    expect(feed.data.length).toBe(0);
  });

  it('keeps bound inputs for every later run', async () => {
    const session = await engine.load(emitFunction([x, w], { y: multiply(x, w) }));
    await session.bind({ w: float32([3], [1, 10, 100]) });
    for (const factor of [1, 2]) {
      const results = await session.run({ x: float32([3], [factor, factor, factor]) });
      expect([...floatsOf(results, 'y')]).toEqual([factor, 10 * factor, 100 * factor]);
    }
  });

  it('answers alike where it keeps a session for each shape, however many shapes there are', async () => {
    const rows = input('x', [dynamic, 3]);
    const model = () => emitFunction([rows], { y: add(rows, rows) });
    const session = await engine.load(model(), { sessionPerShape: true });
    const sizes = [...Array.from({ length: 12 }, (_, index) => index + 1), 1, 12, 3];
    for (const size of sizes) {
      const numbers = Array.from({ length: 3 * size }, (_, index) => index);
      const { y } = await session.run({ x: float32([size, 3], numbers) });
      expect(y).toEqual(
        float32(
          [size, 3],
          numbers.map((each) => 2 * each),
        ),
      );
    }
    await session.release();
    await expect(session.run({ x: float32([1, 3], [1, 2, 3]) })).rejects.toThrow('is not loaded');
  });

  it('leaves the calling thread free while it runs', async () => {
    const large = input('large', [700, 700]);
    let product = large as Parameters<typeof add>[0];
    for (let times = 0; times < 300; times++) product = add(product, large);
    const session = await engine.load(emitFunction([large], { total: sum(product) }));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await session.run({ large: float32([700, 700], new Float32Array(490_000)) });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it('answers a bad run with an error and goes on', async () => {
    const session = await engine.load(doubled());
    await expect(session.run({})).rejects.toThrow("'x' is missing");
    const results = await session.run({ x: float32([3], [1, 1, 1]) });
    expect([...floatsOf(results, 'y')]).toEqual([2, 2, 2]);
  });

  it('refuses a model that is none', async () => {
    await expect(engine.load(new Uint8Array(16))).rejects.toThrow(/protobuf/i);
  });

  it('finishes what it was asked before it closes, and refuses what comes after', async () => {
    const other = Engine.start({ provider: 'cpu', threads: 1 });
    const session = await other.load(doubled());
    const running = session.run({ x: float32([3], [1, 2, 3]) });
    await other.close();
    expect([...floatsOf(await running, 'y')]).toEqual([2, 4, 6]);
    await expect(session.run({ x: float32([3], [1, 2, 3]) })).rejects.toThrow('ended');
  });
});

describe('a loop', () => {
  const accumulate = emitLoop({
    state: [{ current: w, next: add(w, x) }],
    perStep: [x],
    shared: [],
    reports: { total: sum(w) },
  });

  it('carries its state from step to step and reports every step', async () => {
    const session = await engine.load(accumulate);
    const results = await session.run({
      [loopInputName('w')]: float32([3], [0, 0, 0]),
      [loopInputName('x')]: float32([3, 3], [1, 1, 1, 2, 2, 2, 3, 3, 3]),
    });
    expect([...floatsOf(results, loopOutputName('w'))]).toEqual([6, 6, 6]);
    expect([...floatsOf(results, 'total')]).toEqual([0, 3, 9]);
  });
});
