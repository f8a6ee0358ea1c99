import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { usedDeviceMemory } from '../../bench/gpu/device.ts';
import { comparePredictions, prepare } from '../../bench/gpu/predictions.ts';
import { compareTraining, workloads } from '../../bench/gpu/training.ts';
import { loadEncoder } from '../../src/encoders/encoder.ts';
import { type Encoders, loadEncoders } from '../../src/encoders/encoders.ts';
import { type Head, loadHead } from '../../src/heads/head.ts';
import { batchShapes } from '../../src/modalities/batch-shapes.ts';
import { Random } from '../../src/random.ts';
import { Engine } from '../../src/runtime/engine.ts';
import { EnginePool } from '../../src/runtime/engine-pool.ts';
import type { Provider } from '../../src/runtime/protocol.ts';
import { bundledEncoders } from '../bundled-encoders.ts';
import { form, startServer } from '../e2e/server.ts';
import { writeHungryEncoder } from '../hungry-encoder.ts';

const models = path.join(import.meta.dirname, '..', '..', 'models');
const tested = (process.env.TEST_PROVIDER ?? 'cuda') as Provider;
const common = {
  encoders: bundledEncoders,
  threads: 2,
  engines: 1,
};
const device = await loadEncoders({ ...common, provider: tested === 'cpu' ? 'cpu' : 'auto' });
const { provider, reason } = device.provider;
if (provider !== tested) process.stdout.write(`skipped: no CUDA device (${reason})\n`);
afterAll(() => device.close());

describe.skipIf(provider !== tested)(`on ${tested}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cuda-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('features and probabilities agree with the CPU’s to 1e-3', async () => {
    const cpu = await loadEncoders({ ...common, provider: 'cpu' });
    const heads = await Promise.all([device, cpu].map(withHead));
    const agreement = await comparePredictions(heads[0], heads[1], await prepare(device, 64));
    await cpu.close();
    expect(agreement.features.image).toBeLessThan(1e-3);
    expect(agreement.features.text).toBeLessThan(1e-3);
    expect(agreement.probabilities).toBeLessThan(1e-3);
  });

  it.each(workloads.filter(({ batchSize }) => batchSize === 64))(
    '50 training steps with $classes labels end within 1e-3 of the CPU’s parameters',
    async (workload) => {
      const { difference } = await compareTraining({ provider: tested, threads: 2 }, workload, 60);
      expect(difference).toBeLessThan(1e-3);
    },
  );

  it('memory does not grow any more once every shape was met: 100 MiB', async ({ skip }) => {
    const { pixels, tokens } = await prepare(device, 64);
    const encodeSome = (images: number, texts: number) =>
      Promise.all([
        device.byModality.image[0].encode(pixels.slice(0, images)),
        device.byModality.text[0].encode(tokens.slice(0, texts)),
      ]);
    for (let size = 1; size <= 64; size *= 2) await encodeSome(size, size);
    const before = await usedDeviceMemory();
    const random = new Random(0, 'sizes of batches');
    // Where the tests alone are tried, a few will do.
    for (let times = 0; times < (tested === 'cpu' ? 3 : 100); times++)
      await encodeSome(1 + random.nextInteger(64), 1 + random.nextInteger(64));
    const after = await usedDeviceMemory();
    skip(before === undefined, 'all of them ran; the driver’s tool, which tells the memory, is not here');
    expect(after! - before!).toBeLessThan(100);
  });

  it('out of memory is told by its own error, and a smaller batch succeeds on a new engine', async () => {
    const hungry = path.join(folder, 'hungry');
    await writeHungryEncoder(hungry, 8);
    let losses = 0;
    const pool = EnginePool.start({ engines: 1, provider: tested, threads: 1, onLoss: () => losses++ });
    onTestFinished(() => pool.close());
    const encoder = await loadEncoder(pool, 'text', hungry, batchShapes.cuda);
    const texts = (count: number) => Array.from({ length: count }, (_, index) => [index + 1, 100]);
    await expect(encoder.encode(texts(32))).rejects.toMatchObject({ code: 'out-of-memory' });
    expect((await encoder.encode(texts(16))).map(([sum]) => sum)).toEqual(texts(16).map(([id]) => id + 100));
    expect(losses).toBe(1);
  });

  it('a server answers a prediction, and says what it runs on and why', async () => {
    const server = await startServer(path.join(folder, 'data'), '--provider', tested);
    onTestFinished(async () => void (await server.stop()));
    expect(server.announced).toMatchObject({ provider: { provider: tested, reason: 'asked for' } });
    const body = await form({ head: 'emoji', text: 'a slice of pizza with cheese' });
    const response = await fetch(`${server.address}/v1/predict`, { method: 'POST', body });
    expect(await response.json()).toMatchObject({ results: [{ modalities: ['text'] }] });
  });
});

async function withHead(encoders: Encoders): Promise<{ encoders: Encoders; head: Head }> {
  const engine = Engine.start({ provider: encoders.provider.provider, threads: 1 });
  onTestFinished(() => engine.close());
  return {
    encoders,
    head: await loadHead(engine, { folder: path.join(models, 'heads', 'emoji', '1') }, encoders),
  };
}
