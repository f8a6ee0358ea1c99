import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Encoders, loadEncoders } from '../../../src/encoders/encoders.ts';
import { TandemError } from '../../../src/errors.ts';
import { HeadCache } from '../../../src/heads/cache.ts';
import type { ExplainOptions, Explanation } from '../../../src/heads/explanation.ts';
import type { Prediction, PredictionInput } from '../../../src/heads/prediction.ts';
import { Predictor } from '../../../src/heads/predictor.ts';
import type { SubmitOptions } from '../../../src/runtime/batcher.ts';
import { EnginePool } from '../../../src/runtime/engine-pool.ts';
import { bundledEncoders } from '../../bundled-encoders.ts';

const models = fileURLToPath(new URL('../../../models/', import.meta.url));
const coffee = fileURLToPath(new URL('../../fixtures/encoders/coffee.jpg', import.meta.url));
const emoji = path.join(models, 'heads', 'emoji', '1');

let encoders: Encoders;
let pool: EnginePool;
let predictor: Predictor;
let heads: HeadCache;
beforeAll(async () => {
  encoders = await loadEncoders({
    encoders: bundledEncoders,
    provider: 'cpu',
    threads: 2,
    engines: 2,
  });
  pool = EnginePool.start({ engines: 1, provider: 'cpu', threads: 1 });
  heads = new HeadCache(() => pool, encoders, 2 ** 30);
  predictor = new Predictor(encoders);
});
afterAll(() => Promise.all([encoders.close(), pool.close()]));

type Content = PredictionInput['content'];

async function ask(
  content: Content,
  options: { explain?: ExplainOptions; topK?: number } & SubmitOptions = {},
): Promise<Prediction> {
  const [answer] = await heads.use({ folder: emoji }, (head) =>
    predictor.predict(head, [{ content }], { topK: 100, ...options }),
  );
  if (!answer || answer instanceof TandemError) throw answer;
  return answer;
}

async function explain(content: Content, options: ExplainOptions = {}): Promise<Explanation> {
  const { explanation } = await ask(content, { explain: options });
  if (!explanation) throw new Error('no explanation');
  return explanation;
}

/** The probability of a label, as a prediction of its own gives it. */
async function probabilityOf(label: string | undefined, content: Content): Promise<number> {
  const { labels } = await ask(content);
  return labels.find((entry) => entry.label === label)?.probability ?? Number.NaN;
}

/** Side of an image in pixels that the encoder sees as it is. */
const side = 224;

/** A photo in one quadrant of white. */
async function quadrantImage(): Promise<{ data: Buffer; png: Buffer }> {
  const photo = await sharp(coffee).resize(112, 112).png().toBuffer();
  const data = await sharp({ create: { width: side, height: side, channels: 3, background: 'white' } })
    .composite([{ input: photo, left: 112, top: 0 }])
    .removeAlpha()
    .raw()
    .toBuffer();
  return { data, png: await png(data) };
}

const png = (data: Uint8Array) =>
  sharp(data, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();

describe('an explanation', () => {
  it('finds the word that decides, and where it stands', async () => {
    const text = 'yesterday, all of us talked about a pizza on the table';
    const { label, modalities } = await explain({ text });
    expect(label).toBe('food-drink');
    const parts = modalities.text?.parts ?? [];
    const [first] = parts.toSorted((a, b) => b.effect - a.effect);
    expect(first).toMatchObject({ text: 'pizza', start: text.indexOf('pizza') });
    for (const { text: word, start, end } of parts) expect(text.slice(start, end)).toBe(word);
    expect(parts.map((part) => part.text)).toEqual(text.match(/\w+/g));
  });

  it('gives a word the effect that two predictions differ by', async () => {
    const text = 'a slice of 🍕 pizza';
    const { label, answer, modalities } = await explain({ text });
    expect(answer).toBeCloseTo(await probabilityOf(label, { text }), 6);
    const parts = modalities.text?.parts ?? [];
    expect(parts.map((part) => part.text)).toEqual(['a', 'slice', 'of', '🍕', 'pizza']);
    for (const { start, end, effect } of parts) {
      const without = await probabilityOf(label, { text: text.slice(0, start) + text.slice(end) });
      expect(effect).toBeCloseTo(answer - without, 5);
    }
  });

  it('leaves out neighbouring words together where a text has many, and none that the encoder does not read', async () => {
    const words = Array.from({ length: 300 }, (_, index) => `word${index}`);
    const { modalities, cost } = await explain({ text: words.join(' ') }, { parts: 8 });
    const parts = modalities.text?.parts ?? [];
    expect(parts.length).toBeLessThanOrEqual(8);
    expect(cost.encodes).toBe(parts.length);
    const read = parts
      .map((part) => part.text)
      .join(' ')
      .split(' ');
    expect(read).toEqual(words.slice(0, read.length));
    expect(read.length).toBeLessThan(130);
    expect(read.length).toBeGreaterThan(20);
  });

  it('finds the quadrant of an image that decides, in shares of the image', async () => {
    const { png: image } = await quadrantImage();
    const { modalities, cost } = await explain({ image }, { parts: 4 });
    const parts = modalities.image?.parts ?? [];
    expect(parts.map(({ x, y }) => [x, y])).toEqual([0, 0.5].flatMap((y) => [0, 0.5].map((x) => [x, y])));
    const strongest = parts.toSorted((a, b) => Math.abs(b.effect) - Math.abs(a.effect))[0];
    expect(strongest).toMatchObject({ x: 0.5, y: 0, width: 0.5, height: 0.5 });
    expect(cost).toEqual({ encodes: 4, milliseconds: expect.any(Number) });
    expect(cost.milliseconds).toBeGreaterThan(0);
  });

  it('gives a region the effect that two predictions differ by', async () => {
    const { data, png: image } = await quadrantImage();
    const { label, answer, modalities } = await explain({ image }, { parts: 4 });
    const mean = [0, 0, 0];
    for (const [at, value] of data.entries()) mean[at % 3] += value / side ** 2;
    for (const { x, y, width, height, effect } of modalities.image?.parts ?? []) {
      const painted = Buffer.from(data);
      for (let row = side * y; row < side * (y + height); row++)
        for (let column = side * x; column < side * (x + width); column++)
          painted.set(mean.map(Math.round), (row * side + column) * 3);
      expect(effect).toBeCloseTo(answer - (await probabilityOf(label, { image: await png(painted) })), 4);
    }
  });

  it('says where the regions of a wide image lie that a camera turned', async () => {
    // Stored upright, to be turned by a quarter: a person sees 512 by 256 pixels.
    const image = await sharp({ create: { width: 256, height: 512, channels: 3, background: 'teal' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const { modalities } = await explain({ image }, { parts: 5 });
    const [first, , , last] = modalities.image?.parts ?? [];
    expect(first).toMatchObject({ x: 0, y: 0, width: 0.5, height: 0.5 });
    expect(last).toMatchObject({ x: 0.5, y: 0.5 });
  });

  it('says what each modality alone answers, its weight, and what the answer loses without it', async () => {
    const image = await readFile(coffee);
    const text = 'a cup';
    const prediction = await ask({ image, text }, { explain: { parts: 4 } });
    const { label, answer, modalities } = prediction.explanation ?? {};
    expect(Object.keys(modalities ?? {})).toEqual(['image', 'text']);
    const alone = prediction.unimodal.text?.labels.find((entry) => entry.label === label)?.probability;
    expect(modalities?.text?.alone).toBe(alone);
    expect(modalities?.text?.weight).toEqual(expect.any(Number));
    expect(modalities?.text?.effect).toBeCloseTo((answer ?? 0) - (await probabilityOf(label, { image })), 5);
  });

  it('explains the label that is asked for, and changes nothing of the prediction', async () => {
    const content = { text: 'a red apple' };
    const { explanation, timings, ...prediction } = await ask(content, {
      explain: { label: 'animals-nature' },
    });
    const { timings: plainTimings, ...plain } = await ask(content);
    expect(prediction).toEqual(plain);
    expect(explanation).toMatchObject({
      label: 'animals-nature',
      answer: plain.labels.find(({ label }) => label === 'animals-nature')?.probability,
    });
  });

  it('has no parts where nothing is left without them', async () => {
    const { modalities, cost } = await explain({ text: 'pizza!' });
    expect(modalities.text?.parts.map(({ text }) => text)).toEqual(['pizza']);
    expect(cost.encodes).toBe(1);
    expect((await explain({ text: 'pizza' })).modalities.text?.parts).toEqual([]);
    const { text } = (await explain({ text: 'pizza', image: await readFile(coffee) }, { parts: 4 }))
      .modalities;
    expect(text?.parts).toEqual([{ text: 'pizza', start: 0, end: 5, effect: text?.effect }]);
  });

  it('rejects a label that the head does not know', async () => {
    await expect(explain({ text: 'a cat' }, { label: 'cats' })).rejects.toThrow(/has no "cats"; it has "/);
  });

  it('has four items wait at most, and lets predictions in between', async () => {
    const image = await readFile(coffee);
    const inputs = Array.from({ length: 4 }, () => ({ content: { image } }));
    let [isOver, mostWaiting, plain] = [false, 0, 0];
    const explaining = heads
      .use({ folder: emoji }, (head) => predictor.predict(head, inputs, { topK: 1, explain: { parts: 36 } }))
      .finally(() => {
        isOver = true;
      });
    const waiting = () => predictor.sources.waiting.find(({ modality }) => modality === 'image')?.items ?? 0;
    await expect.poll(waiting, { interval: 1 }).toBeGreaterThan(0);
    while (!isOver) {
      mostWaiting = Math.max(mostWaiting, waiting());
      await ask({ text: 'a cup' });
      plain++;
    }
    await explaining;
    expect(mostWaiting).toBeLessThanOrEqual(4);
    expect(plain).toBeGreaterThan(4);
  });

  it('ends where its signal aborts', async () => {
    const image = await readFile(coffee);
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('enough')), 150);
    const started = performance.now();
    await expect(ask({ image }, { explain: { parts: 64 }, signal: abort.signal })).rejects.toThrow('enough');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it('refuses more than may wait, unless they wait for as long as it takes', async () => {
    const content = { text: 'one two three four five six' };
    const many = (count: number, mayWait: boolean) =>
      Promise.allSettled(Array.from({ length: count }, () => ask(content, { explain: {}, mayWait })));
    const waited = await many(24, true);
    expect(waited.every(({ status }) => status === 'fulfilled')).toBe(true);
    const image = await readFile(coffee);
    const inputs = Array.from({ length: 24 }, () => ({ content: { image } }));
    await heads.use({ folder: emoji }, async (head) => {
      const abort = new AbortController();
      const first = predictor.predict(head, inputs, { topK: 1, explain: {}, signal: abort.signal });
      first.catch(() => {});
      await expect
        .poll(() =>
          ask(content, { explain: {} }).then(
            () => '',
            (error) => error.code,
          ),
        )
        .toBe('overloaded');
      abort.abort(new Error('enough'));
      await expect(first).rejects.toThrow('enough');
    });
  });
});
