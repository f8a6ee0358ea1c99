import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Encoders, loadEncoders, openEncoders } from '../../../src/encoders/encoders.ts';
import { Predictor } from '../../../src/heads/predictor.ts';
import { Readiness } from '../../../src/heads/readiness.ts';
import { decodeInTurn } from '../../../src/modalities/image/decode-queue.ts';
import { decodesAtOnce } from '../../../src/modalities/image/thread-pool.ts';
import { bundledEncoders } from '../../bundled-encoders.ts';
import { writeSlowEncoder } from '../../slow-encoder.ts';
import { node, writeSumEncoder } from '../../sum-encoder.ts';
import { temporaryFolder } from '../../unit/datasets/sample.ts';

let encoders: Encoders;
beforeAll(async () => {
  encoders = await loadEncoders({
    encoders: bundledEncoders,
    provider: 'cpu',
    threads: 2,
    engines: 2,
  });
});
afterAll(() => encoders.close());

const texts = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    modality: 'text' as const,
    input: `word ${index} `.repeat(60),
  }));

async function answerOf(readiness: Readiness): Promise<{ ready: boolean; milliseconds: number }> {
  const started = performance.now();
  const ready = await readiness.ready();
  return { ready, milliseconds: performance.now() - started };
}

/** Encoders that stop answering, as an engine that hangs would. */
function stuck(): Encoders {
  const {
    image: [image],
    text,
  } = encoders.byModality;
  return { ...encoders, byModality: { image: [{ ...image, encode: () => new Promise(() => {}) }], text } };
}

describe('a server is ready', () => {
  it('while its encoders answer, without another inference', async () => {
    const { sources } = new Predictor(encoders);
    const readiness = new Readiness(sources);
    expect(await readiness.ready()).toBe(true);
    const before = sources.lastBatch;
    expect(await readiness.ready()).toBe(true);
    expect(sources.lastBatch).toEqual(before);
  });

  it('though very much waits for the encoders: what proves it goes ahead', async () => {
    const predictor = new Predictor(encoders, { maximumQueue: 1000 });
    // Nothing counts as a moment ago, so that each answer takes an inference.
    const readiness = new Readiness(predictor.sources, { freshness: 0, timeout: 5000 });
    const caller = new AbortController();
    const load = predictor.embed(texts(600), caller.signal).catch(() => 'left');
    for (let count = 0; count < 3; count++) {
      const { ready, milliseconds } = await answerOf(readiness);
      expect(ready).toBe(true);
      expect(milliseconds).toBeLessThan(3000);
    }
    caller.abort();
    expect(await load).toBe('left');
  });

  it('though every decoding that may run goes on for long', async () => {
    const gate = Promise.withResolvers<void>();
    const decodes = Array.from({ length: 2 * decodesAtOnce }, () => decodeInTurn(() => gate.promise));
    expect(await new Readiness(new Predictor(encoders).sources).ready()).toBe(true);
    gate.resolve();
    await Promise.all(decodes);
  });

  it('while an encoder that takes long is loaded on its only engine, and once it is', async () => {
    const added = await temporaryFolder();
    await writeSlowEncoder(path.join(added, 'slow'), 20);
    const options = { provider: 'cpu', threads: 1, engines: 1 } as const;
    const places = { bundled: path.join(added, 'none'), added };
    const own = await loadEncoders({ encoders: bundledEncoders, places, ...options });
    onTestFinished(() => own.close());
    const { sources } = new Predictor(own);
    await sources.check();
    const readiness = new Readiness(sources, { freshness: 0, timeout: 1000 });
    const loading = sources.named({ modality: 'text', encoder: 'slow' });
    const answers = Array.from({ length: 3 }, async (_, index) => {
      await pause(200 * index);
      return answerOf(readiness);
    });
    for (const { ready, milliseconds } of await Promise.all(answers)) {
      expect(ready).toBe(true);
      expect(milliseconds).toBeLessThan(2000);
    }
    await loading;
    expect((await answerOf(readiness)).ready).toBe(true);
  });
});

describe('a server is not ready', () => {
  it('where no encoder can be loaded, however often that is tried', async () => {
    const folder = await temporaryFolder();
    const [text, image] = [path.join(folder, 'text'), path.join(folder, 'image')];
    const nodes = [node('Frobnicate', ['one'], 'addend')];
    await writeSumEncoder(text, 'damaged', { nodes, constants: [] });
    await cp(bundledEncoders.image[0], image, { recursive: true });
    const { weights } = JSON.parse(await readFile(path.join(image, 'encoder.json'), 'utf8'));
    await mkdir(path.dirname(path.join(image, weights)), { recursive: true });
    await writeFile(path.join(image, weights), 'half a download');
    const damaged = await openEncoders({
      ...{ encoders: { image: [image], text: [text] }, provider: 'cpu', threads: 1, engines: 1 },
    });
    onTestFinished(() => damaged.close());
    const readiness = new Readiness(new Predictor(damaged).sources, { timeout: 2000 });
    for (let count = 0; count < 2; count++) {
      expect(await readiness.ready()).toBe(false);
      await pause(100);
    }
  });

  it('where an encoder hangs, and says so in time, again and again', async () => {
    const failures: unknown[] = [];
    const predictor = new Predictor(stuck());
    const readiness = new Readiness(predictor.sources, {
      timeout: 300,
      onFailure: (error) => failures.push(error),
    });
    for (let count = 0; count < 3; count++) {
      const { ready, milliseconds } = await answerOf(readiness);
      expect(ready).toBe(false);
      expect(milliseconds).toBeLessThan(2000);
    }
    expect(failures).toHaveLength(3);
    for (const { items } of predictor.sources.waiting) expect(items).toBeLessThanOrEqual(1);
  });

  it('where one encoder hangs though the other is busy and answers', async () => {
    const predictor = new Predictor(stuck());
    await predictor.embed(texts(3));
    expect(await new Readiness(predictor.sources, { timeout: 300 }).ready()).toBe(false);
  });

  it('and one inference finds it out for all who ask at the same time', async () => {
    const failures: unknown[] = [];
    const readiness = new Readiness(new Predictor(stuck()).sources, {
      timeout: 300,
      onFailure: (error) => failures.push(error),
    });
    const answers = await Promise.all(Array.from({ length: 100 }, () => readiness.ready()));
    expect(new Set(answers)).toEqual(new Set([false]));
    expect(failures).toHaveLength(1);
  });
});
