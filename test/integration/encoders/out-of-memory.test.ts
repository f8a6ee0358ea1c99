import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Encoder, loadEncoder } from '../../../src/encoders/encoder.ts';
import { batchShapes } from '../../../src/modalities/batch-shapes.ts';
import { EnginePool } from '../../../src/runtime/engine-pool.ts';
import { writeHungryEncoder } from '../../hungry-encoder.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'out-of-memory-'));
  await writeHungryEncoder(folder, 4);
});
afterAll(() => rm(folder, { recursive: true }));

let told: string[];
let pool: EnginePool;
let encoder: Encoder;
beforeEach(async () => {
  told = [];
  pool = EnginePool.start({
    engines: 1,
    provider: 'cpu',
    threads: 1,
    onLoss: ({ message }) => told.push(`replaced: ${message}`),
    onOutOfMemory: ({ message }) => told.push(`no memory: ${message}`),
  });
  onTestFinished(() => pool.close());
  encoder = await loadEncoder(pool, 'text', folder);
});

const texts = (count: number) => Array.from({ length: count }, (_, index) => [index + 1, 100]);
const sums = (features: readonly Float32Array[]) => features.map(([sum]) => sum);

describe('where there is memory for four texts at a time', () => {
  it('a batch of seven is encoded in halves, each text in its place, and the engine stays', async () => {
    expect(sums(await encoder.encode(texts(7)))).toEqual([101, 102, 103, 104, 105, 106, 107]);
    expect(told).toEqual([expect.stringMatching(/^no memory: .*Failed to allocate memory/)]);
  });

  it('a batch of twelve is refused with what to do, and the engine is replaced', async () => {
    await expect(encoder.encode(texts(12))).rejects.toMatchObject({
      code: 'out-of-memory',
      message: 'there was no memory for a batch of 12, nor for halves of it',
      retryAfter: 1,
    });
    expect(sums(await encoder.encode(texts(4)))).toEqual([101, 102, 103, 104]);
    expect(told).toEqual([
      expect.stringMatching(/^no memory: /),
      expect.stringMatching(/^no memory: /),
      'replaced: its memory does not come back',
    ]);
  });

  it('an engine that succeeds in between is not replaced', async () => {
    for (let times = 0; times < 3; times++) await encoder.encode(texts(7));
    expect(told).toHaveLength(3);
  });

  it('nobody who waits for an engine is lost while it is replaced', async () => {
    const refused = expect(encoder.encode(texts(12))).rejects.toMatchObject({ code: 'out-of-memory' });
    const others = await Promise.all(Array.from({ length: 20 }, () => encoder.encode(texts(3))));
    await refused;
    for (const features of others) expect(sums(features)).toEqual([101, 102, 103]);
  });
});

it('padding counts: three texts of a GPU’s shapes take eight rows, nine take sixteen', async () => {
  const eightRows = path.join(folder, 'eight-rows');
  await writeHungryEncoder(eightRows, 8);
  const padded = await loadEncoder(pool, 'text', eightRows, batchShapes.cuda);
  expect(sums(await padded.encode(texts(3)))).toEqual([101, 102, 103]);
  expect(told).toEqual([]);
  expect(sums(await padded.encode(texts(9)))).toEqual(texts(9).map(([id]) => id + 100));
  expect(told).toHaveLength(1);
});
