import { cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Encoders, loadEncoders } from '../../../src/encoders/encoders.ts';
import { TandemError } from '../../../src/errors.ts';
import { HeadCache } from '../../../src/heads/cache.ts';
import type { Prediction, PredictionInput } from '../../../src/heads/prediction.ts';
import { Predictor } from '../../../src/heads/predictor.ts';
import type { ModalityName } from '../../../src/modalities/registry.ts';
import { EnginePool } from '../../../src/runtime/engine-pool.ts';
import { bundledEncoders } from '../../bundled-encoders.ts';

const models = fileURLToPath(new URL('../../../models/', import.meta.url));
const fixtures = fileURLToPath(new URL('../../fixtures/encoders/', import.meta.url));
const emoji = path.join(models, 'heads', 'emoji', '1');

let folder: string;
let encoders: Encoders;
let pool: EnginePool;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'predictor-'));
  encoders = await loadEncoders({
    encoders: bundledEncoders,
    provider: 'cpu',
    threads: 2,
    engines: 2,
  });
  pool = EnginePool.start({ engines: 1, provider: 'cpu', threads: 1 });
});
afterAll(async () => {
  await Promise.all([encoders.close(), pool.close()]);
  await rm(folder, { recursive: true });
});

const headCache = (bytes = 2 ** 30) => new HeadCache(() => pool, encoders, bytes);
const withoutTimings = (answers: (Prediction | TandemError)[]) =>
  answers.map((answer) => (answer instanceof TandemError ? answer.code : { ...answer, timings: undefined }));

describe('a predictor', () => {
  it('answers from memory what it has seen, and the same', async () => {
    const lookups: [ModalityName, boolean][] = [];
    const predictor = new Predictor(encoders, {
      memoryBytes: 2 ** 20,
      observer: { lookup: ({ modality }, hit) => lookups.push([modality, hit]) },
    });
    const image = await readFile(path.join(fixtures, 'coffee.jpg'));
    const cache = headCache();
    const ask = () =>
      cache.use({ folder: emoji }, (head) =>
        predictor.predict(head, [{ content: { image, text: 'a cup of coffee' } }], { topK: 3 }),
      );
    const [first, second] = [await ask(), await ask()];
    expect(withoutTimings(second)).toEqual(withoutTimings(first));
    expect(lookups.toSorted()).toEqual([
      ['image', false],
      ['image', true],
      ['text', false],
      ['text', true],
    ]);
    expect(second[0]).toMatchObject({ timings: { decode: 0, queue: 0, encode: 0 } });
    expect(predictor.sources.rememberedBytes).toBeGreaterThan(4 * (1280 + 384));
  });

  it('embeds more texts in one call than may wait at a time', async () => {
    const predictor = new Predictor(encoders, { maximumQueue: 8 });
    const texts = Array.from({ length: 100 }, (_, index) => ({
      modality: 'text' as const,
      input: `number ${index}`,
    }));
    expect(await predictor.embed(texts)).toHaveLength(100);
    const three = await Promise.all([0, 1, 2].map(() => predictor.embed(texts)));
    expect(three.flat()).toHaveLength(300);
  });

  it('recalls thousands of texts for many callers, and lets others have their turns', async () => {
    const predictor = new Predictor(encoders, { memoryBytes: 2 ** 20 });
    const item = { modality: 'text' as const, input: 'a cup of coffee' };
    await predictor.embed([item]);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const calls = Array.from({ length: 20 }, () => predictor.embed(Array(5000).fill(item)));
    expect((await Promise.all(calls)).flat()).toHaveLength(100_000);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it('takes features in place of an image or a text, and answers the same; they prove nothing of the encoders', async () => {
    const image = await readFile(path.join(fixtures, 'coffee.jpg'));
    const text = 'a cup of coffee';
    const encoding = new Predictor(encoders);
    const [ofImage, ofText] = await encoding.embed([
      { modality: 'image', input: image },
      { modality: 'text', input: text },
    ]);
    const predictor = new Predictor(encoders);
    const features = { image: ofImage.features, text: ofText.features };
    await headCache().use({ folder: emoji }, async (head) => {
      const ask = async (from: Predictor, input: PredictionInput) => {
        const [answer] = await from.predict(head, [input], { topK: 1 });
        if (answer instanceof TandemError) throw answer;
        return answer;
      };
      const expectSame = async (given: PredictionInput, expected: PredictionInput) => {
        const [ofFeatures, ofContent] = [await ask(predictor, given), await ask(encoding, expected)];
        expect(ofFeatures.modalities).toEqual(ofContent.modalities);
        expect(ofFeatures.labels[0].label).toBe(ofContent.labels[0].label);
        // What else is in a batch changes the last digits.
        expect(ofFeatures.confidence).toBeCloseTo(ofContent.confidence!, 6);
      };
      await expectSame({ features }, { content: { image, text } });
      await expectSame({ features: { text: features.text } }, { content: { text } });
      await expectSame({ features: { image: features.image } }, { content: { image } });
      const never = Number.NEGATIVE_INFINITY;
      const [imageEncoder, textEncoder] = ['image efficientnet-lite0-whole', 'text all-MiniLM-L6-v2'];
      expect(predictor.sources.lastBatch).toEqual({ [imageEncoder]: never, [textEncoder]: never });
      await expectSame(
        { content: { image }, features: { text: features.text } },
        { content: { image, text } },
      );
      expect(predictor.sources.lastBatch[imageEncoder]).toBeGreaterThan(0);
      expect(predictor.sources.lastBatch[textEncoder]).toBe(never);
    });
  });

  it('answers many at once as it answers each alone, a bad one by its own error', async () => {
    const names = ['coffee.jpg', 'cat.jpg', 'rocket.jpg', 'astronaut.jpg'];
    const images = await Promise.all(names.map((name) => readFile(path.join(fixtures, name))));
    const inputs = [
      ...images.map((image, index) => ({ content: { image, text: 'word '.repeat(1 + 9 * index) } })),
      { content: { image: Buffer.from('no image') } },
      ...Array.from({ length: 20 }, (_, index) => ({ content: { text: `text number ${index}` } })),
    ];
    const predictor = new Predictor(encoders);
    const cache = headCache();
    await cache.use({ folder: emoji }, async (head) => {
      const together = await predictor.predict(head, inputs, { topK: 8 });
      for (const [index, input] of inputs.entries()) {
        const [alone] = await predictor.predict(head, [input], { topK: 8 });
        const answer = together[index];
        if (alone instanceof TandemError || answer instanceof TandemError) {
          expect(index).toBe(names.length);
          expect([alone, answer]).toMatchObject([{ code: 'invalid-image' }, { code: 'invalid-image' }]);
        } else {
          expect(answer.labels[0].label).toBe(alone.labels[0].label);
          expect(answer.confidence).toBeCloseTo(alone.confidence!, 3);
        }
      }
    });
  });

  it('gives features as the encoders do', async () => {
    const predictor = new Predictor(encoders);
    const [ofText, ofImage] = await predictor.embed([
      { modality: 'text', input: 'a cup of coffee' },
      { modality: 'image', input: await readFile(path.join(fixtures, 'coffee.jpg')) },
    ]);
    expect([ofText.features.length, ofImage.features.length]).toEqual([384, 1280]);
    expect([ofText.cost, ofImage.cost]).toEqual([6, 224 ** 2]);
  });
});

describe('a cache of heads', () => {
  it('holds no more than it may, and answers for every head whatever comes and goes', async () => {
    const copies = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const copy = path.join(folder, String(index));
        await cp(emoji, copy, { recursive: true });
        return copy;
      }),
    );
    const { size } = await stat(path.join(emoji, 'head.onnx'));
    const cache = headCache(3 * size);
    const items = [{ text: new Float32Array(384).fill(0.05) }];
    const expected = await headCache().use({ folder: emoji }, (head) => head.classify(items));
    const asked = Array.from({ length: 60 }, (_, index) => copies[(index * 7) % copies.length]);
    const answers = await Promise.all(
      asked.map((copy) => cache.use({ folder: copy }, (head) => head.classify(items))),
    );
    for (const answer of answers) expect(answer).toEqual(expected);
    expect(cache.loaded.heads).toBe(3);
  });

  it('answers with a head that alone is larger than it may hold', async () => {
    const cache = headCache(1);
    const answer = () =>
      cache.use({ folder: emoji }, (head) => head.classify([{ text: new Float32Array(384).fill(0.05) }]));
    expect(await answer()).toEqual(await answer());
    expect(cache.loaded.heads).toBe(0);
  });

  it('tries again what failed to load', async () => {
    const missing = path.join(folder, 'later');
    const cache = headCache();
    const ask = () => cache.use({ folder: missing }, async (head) => head.manifest.name);
    await expect(ask()).rejects.toMatchObject({ code: 'damaged-artifact' });
    await cp(emoji, missing, { recursive: true });
    expect(await ask()).toBe('emoji');
  });
});
