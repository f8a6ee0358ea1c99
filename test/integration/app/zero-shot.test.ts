import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { open } from './open-tandem.ts';

const models = fileURLToPath(new URL('../../fixtures/models/', import.meta.url));
const imageOf = (name: string) => readFile(path.join(models, 'images', `${name}.png`));

/** What transformers makes of a pair: probabilities of each label for each image. */
interface ZeroShotReference {
  labels: string[];
  templates: string[];
  logitScale: number;
  logitBias: number;
  probabilities: number[][];
  ensembled: number[][];
}

/** @returns the images as well, as small as the encoder takes them, so that nothing is resized */
async function referenceOf(family: string): Promise<ZeroShotReference & { files: Buffer[] }> {
  const { zeroShot, images } = JSON.parse(
    await readFile(path.join(models, family, 'reference.json'), 'utf8'),
  );
  const fileOf = ({ pixels }: { pixels: string }) =>
    sharp(Buffer.from(pixels, 'base64'), { raw: { width: 32, height: 32, channels: 3 } })
      .png()
      .toBuffer();
  return { ...zeroShot, files: await Promise.all(images.map(fileOf)) };
}

interface Answer {
  labels: { label: string; probability: number }[];
}

/** Settings of a Tandem whose encoders are both sides of a model. */
const pair = (family: string) => {
  const folder = path.join(models, family);
  return { imageEncoder: folder, textEncoder: folder };
};

it('answers from images, from texts and from both before any training', async () => {
  const { tandem } = await open(pair('clip'));
  const { labels, templates, logitScale } = await referenceOf('clip');
  const made = await tandem.heads.zeroShot('animals', { labels, templates: templates.slice(0, 1) });
  expect(made).toMatchObject({
    ...{ head: 'animals', version: 1, labels, modalities: ['image', 'text'] },
    zeroShot: { templates: ['a photo of a {}'], logitBias: 0 },
  });
  expect(made.zeroShot.logitScale).toBeCloseTo(logitScale, 4);
  const image = await imageOf('cat');
  const { results } = await tandem.predict(
    [{ image }, { text: 'a photo of a coffee' }, { image, text: 'a photo of a coffee' }],
    { head: 'animals' },
  );
  const [ofImage, ofText, ofBoth] = results as Answer[];
  expect(ofText.labels[0]).toMatchObject({ label: 'coffee' });
  expect(new Set(ofImage.labels.map(({ label }) => label))).toEqual(new Set(labels));
  expect(ofBoth.labels.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
  expect(ofBoth.labels[0].probability).toBeLessThan(ofText.labels[0].probability);
});

it.each(['clip', 'siglip'])(
  'gives the probabilities of transformers with a %s pair, with one template and several',
  async (family) => {
    const { tandem } = await open(pair(family));
    const { labels, templates, files, ...expected } = await referenceOf(family);
    const target = expected.logitBias === 0 ? 'single' : 'multi';
    for (const [count, probabilities] of [
      [1, expected.probabilities],
      [2, expected.ensembled],
    ] as const) {
      const made = await tandem.heads.zeroShot('animals', {
        labels,
        target,
        templates: templates.slice(0, count),
      });
      expect(made.zeroShot.logitScale).toBeCloseTo(expected.logitScale, 4);
      expect(made.zeroShot.logitBias).toBe(expected.logitBias);
      const { results } = await tandem.predict(
        files.map((image) => ({ image })),
        { head: 'animals' },
      );
      for (const [row, { labels: answered }] of (results as Answer[]).entries())
        for (const { label, probability } of answered)
          expect(Math.abs(probability - probabilities[row][labels.indexOf(label)])).toBeLessThan(1e-4);
    }
  },
);

it('judges each label by itself of images alone, and only with a bias', async () => {
  const labels = ['cat', 'coffee'];
  const { tandem } = await open(pair('siglip'));
  const made = await tandem.heads.zeroShot('things', { labels, target: 'multi' });
  expect(made).toMatchObject({ target: 'multi', modalities: ['image'] });
  const { results } = await tandem.predict([{ text: 'a cat' }], { head: 'things' });
  expect(results).toMatchObject([{ code: 'empty-request' }]);
  const { tandem: other } = await open(pair('clip'));
  await expect(other.heads.zeroShot('things', { labels, target: 'multi' })).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining('no bias'),
    fix: expect.stringContaining('--logit-bias'),
  });
});

it('answers by the nearest label name where the encoders are no pair', async () => {
  const { tandem } = await open();
  const made = await tandem.heads.zeroShot('topics', { labels: ['sports', 'politics', 'cooking'] });
  expect(made).toMatchObject({ modalities: ['text'], zeroShot: { templates: ['{}'], logitScale: 20 } });
  const texts = [
    'The match ended two to one.',
    'The parliament voted on the law.',
    'Stir the soup for an hour.',
  ];
  const { results } = await tandem.predict(
    texts.map((text) => ({ text })),
    { head: 'topics' },
  );
  expect((results as Answer[]).map(({ labels }) => labels[0].label)).toEqual([
    'sports',
    'politics',
    'cooking',
  ]);
});

it('refuses an image encoder that is no side of a pair with the text encoder', async () => {
  const { tandem } = await open();
  const options = { labels: ['cat', 'dog'], imageEncoder: 'efficientnet-lite0-whole' };
  await expect(tandem.heads.zeroShot('animals', options)).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining(
      'efficientnet-lite0-whole and all-MiniLM-L6-v2 are not the two sides of one pair',
    ),
    fix: expect.stringContaining('leave out the image encoder'),
  });
});

it('is a head as any other: measured, listed, exported, imported, compared and named', async () => {
  const { data, tandem } = await open();
  const labels = ['sports', 'cooking'];
  await tandem.heads.zeroShot('topics', { labels });
  const { version } = await tandem.heads.zeroShot('topics', { labels, templates: ['a text about {}'] });
  expect(version).toBe(2);
  const rows = [
    'A match of two teams,sports',
    'Stir the soup,cooking',
    'The team won the race,sports',
    'A cake with sugar,cooking',
  ];
  await writeFile(path.join(data, 'rows.csv'), `text,label\n${rows.join('\n')}\n`);
  const { metrics } = await tandem.evaluate(path.join(data, 'rows.csv'), {
    head: 'topics@1',
    report: path.join(data, 'report.html'),
  });
  expect(metrics.fused).toMatchObject({ examples: 4, accuracy: 1 });
  await tandem.heads.setAlias('topics', 'production', 2);
  const { heads } = await tandem.heads.list();
  expect(heads.filter(({ name }) => name === 'topics')).toMatchObject([
    { version: 1, metrics: { fused: {} }, aliases: [] },
    { version: 2, zeroShot: { templates: ['a text about {}'] }, aliases: ['production'] },
  ]);
  const file = path.join(data, 'topics.tar');
  await pipeline((await tandem.heads.export('topics@production')).content, createWriteStream(file));
  expect(await tandem.heads.import(file, { name: 'copy' })).toEqual({ name: 'copy', version: 1 });
  const ask = async (head: string) => (await tandem.predict([{ text: 'a cake' }], { head })).results[0];
  expect({ ...(await ask('copy')), timings: {} }).toEqual({ ...(await ask('topics')), timings: {} });
  const { differences, onDataset } = await tandem.heads.compare('topics@1', 'topics@2', {
    dataset: path.join(data, 'rows.csv'),
  });
  expect(differences).toContainEqual({
    field: 'zeroShot.templates',
    first: ['{}'],
    second: ['a text about {}'],
  });
  expect(onDataset).toMatchObject({ right: { both: 4 }, trainedOnIt: [] });
});

it.each([
  [{ labels: ['cat'] }, 'labels: a head needs 2 or more'],
  [{ labels: ['cat', 'cat '] }, 'labels: "cat" is named twice'],
  [{ labels: ['cat', ' '] }, 'one of them is empty'],
  [{ labels: ['cat', 'dog'], templates: ['a photo'] }, 'templates: "a photo" has no {}'],
  [{ labels: ['cat', 'dog'], logitScale: -1 }, 'logitScale'],
])('rejects %j', async (options, message) => {
  const { tandem } = await open();
  await expect(tandem.heads.zeroShot('animals', options)).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining(message),
  });
});
