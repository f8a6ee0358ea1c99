import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTandem, type Tandem } from '../../../src/index.ts';
import { product } from '../../../src/product.ts';
import { image, temporaryFolder } from '../../unit/datasets/sample.ts';
import { open } from './open-tandem.ts';

const clip = fileURLToPath(new URL('../../fixtures/models/clip', import.meta.url));
const both = { imageEncoder: 'efficientnet-lite0+clip', textEncoder: 'all-MiniLM-L6-v2+clip' };

let data: string;
let dataset: string;
let tandem: Tandem;
beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), 'several-'));
  tandem = await openTandem({ data, logLevel: 'silent', memory: 0 });
  for (const modality of ['image', 'text'] as const) await tandem.encoders.add(clip, { modality });
  const rows = Array.from({ length: 40 }, (_, row) => ({
    file: `${row}.png`,
    text: row % 2 ? `a red bike, number ${row}` : `dogs bark at ${row}`,
    label: row % 2 ? 'bikes' : 'dogs',
  }));
  dataset = path.join(data, 'kinds');
  await mkdir(dataset);
  for (const [row, { file }] of rows.entries()) await writeFile(path.join(dataset, file), await image(row));
  const lines = rows.map(({ file, text, label }) => `${file},"${text}",${label}`);
  await writeFile(path.join(dataset, 'metadata.csv'), ['file_name,text,label', ...lines].join('\n'));
  await tandem.train(dataset, {
    ...{ head: 'kinds', search: false, acceptAccuracy: 0.5, testShare: 0.5 },
    ...both,
  });
});
afterAll(async () => {
  await tandem?.close();
  await rm(data, { recursive: true, force: true });
});

async function item(number = 3) {
  return { image: await image(number), text: `a red bike, number ${number}` };
}

it('a head names each of its encoders, and takes as many features as all have together', async () => {
  const { encoders } = await tandem.heads.get('kinds');
  expect(encoders).toMatchObject([
    {
      ...{ modality: 'image', id: 'efficientnet-lite0+clip', dimension: 1296 },
      parts: [
        { id: 'efficientnet-lite0', dimension: 1280 },
        { id: 'clip', dimension: 16 },
      ],
    },
    {
      ...{ modality: 'text', id: 'all-MiniLM-L6-v2+clip', dimension: 400 },
      parts: [{ id: 'all-MiniLM-L6-v2', license: 'apache-2.0' }, { id: 'clip' }],
    },
  ]);
});

it('embeds with several as each does alone, one behind the other', async () => {
  const input = await image(5);
  const embed = async (encoder: string) =>
    Array.from((await tandem.embed([{ modality: 'image', input, encoder }]))[0].features);
  expect(await embed('clip+efficientnet-lite0')).toEqual([
    ...(await embed('clip')),
    ...(await embed('efficientnet-lite0')),
  ]);
  await expect(embed('clip+clip')).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining('clip is named twice'),
  });
  await expect(embed('clip+dino')).rejects.toMatchObject({ code: 'unknown-encoder' });
});

describe('with room for one encoder', () => {
  it('predicts, decides and explains many items at once, and none waits for ever', async () => {
    const { tandem: small } = await open({ data, encoderMemory: 1, engines: 1, memory: 0 });
    const items = await Promise.all([1, 2, 3].map(item));
    const asked = [
      ...items.map((each) => small.predict([each], { head: 'kinds', explain: { parts: 4 } })),
      ...items.map((each) => small.predict([each], { head: 'emoji' })),
      small.embed([{ modality: 'text', input: 'a bike', encoder: 'clip+all-MiniLM-L6-v2' }]),
    ];
    const answers = await Promise.all(asked);
    expect(answers).toHaveLength(7);
    expect((await small.predict([items[0]], { head: 'kinds' })).results).toMatchObject([
      { labels: [{}, {}], decision: expect.any(String) },
    ]);
  });

  it('the answers are those of one with room for all', async () => {
    const { tandem: small } = await open({ data, encoderMemory: 1, engines: 1, memory: 0 });
    const probabilitiesOf = async (one: Tandem) =>
      (await one.predict([await item()], { head: 'kinds' })).results.map((result) =>
        'labels' in result ? result.labels : result,
      );
    expect(await probabilitiesOf(small)).toEqual(await probabilitiesOf(tandem));
  });
});

it('explains by parts that the first encoder finds, of what all see', async () => {
  const { results } = await tandem.predict([await item()], {
    ...{ head: 'kinds', explain: { parts: 4 } },
  });
  expect(results).toMatchObject([
    {
      explanation: {
        modalities: {
          image: { parts: [{ x: 0.0625 }, {}, {}, {}] },
          text: { parts: [{ text: 'a red' }, { text: 'bike, number' }, { text: '3' }] },
        },
        // Two encoders of each.
        cost: { encodes: 14 },
      },
    },
  ]);
});

it('scores and evaluates with the encoders of the head', async () => {
  const evaluated = await tandem.evaluate(dataset, { head: 'kinds', split: 'all' });
  expect(evaluated.rows.examples).toBe(40);
  const out = path.join(await temporaryFolder(), 'scored.csv');
  const { rows } = await tandem.score(path.join(dataset, 'metadata.csv'), { head: 'kinds', out });
  expect(rows).toBe(40);
  const [first] = (await readFile(out, 'utf8')).trim().split('\n').slice(1);
  expect(first).toMatch(/dogs|bikes/);
});

it('an interrupted training resumes, and ends with the same bytes', async () => {
  const weightsOf = async ({ folder }: { folder: string }) => readFile(path.join(folder, 'head.onnx'));
  const options = { head: 'again', search: false, ...both };
  const whole = await weightsOf(await tandem.train(dataset, options));
  const checkpoints = await temporaryFolder();
  const interruption = new AbortController();
  const interrupted = tandem.train(dataset, {
    ...options,
    checkpoints,
    signal: interruption.signal,
    onProgress: ({ stage, done }) => {
      if (stage === 'refit' && done > 0) interruption.abort();
    },
  });
  await expect(interrupted).rejects.toMatchObject({ code: 'job-cancelled' });
  const resumed = await weightsOf(await tandem.train(dataset, { ...options, checkpoints }));
  expect(resumed.equals(whole)).toBe(true);
});

it('settings name several, too', async () => {
  const { tandem: own } = await open({ data, textEncoder: 'clip+all-MiniLM-L6-v2', imageEncoder: ['clip'] });
  const [{ features }] = await own.embed([{ modality: 'text', input: 'a bike' }]);
  expect(features).toHaveLength(400);
  const { tandem: twice } = await open({ data, textEncoder: ['clip', './'] });
  await expect(twice.embed([{ modality: 'text', input: 'a bike' }])).rejects.toMatchObject({
    code: 'unknown-encoder',
  });
});

it('tunes the blocks of one encoder alone', async () => {
  await expect(
    tandem.train(dataset, { head: 'tuned', search: false, tune: ['text:last-1'], ...both }),
  ).rejects.toMatchObject({
    code: 'invalid-recipe',
    message: 'tune: the blocks of one text encoder can be tuned, not of all-MiniLM-L6-v2+clip',
  });
});

it('makes no head of label names in the space of several encoders', async () => {
  await expect(tandem.heads.zeroShot('names', { labels: ['cat', 'dog'], ...both })).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining('not of several, as all-MiniLM-L6-v2+clip'),
  });
});

it('keeps each encoder that a head needs, and says elsewhere which is missing', async () => {
  await expect(
    tandem.encoders.remove((await tandem.encoders.list()).encoders[1].fingerprint),
  ).rejects.toMatchObject({ code: 'encoder-in-use', message: expect.stringContaining('kinds@1') });
  const file = path.join(await temporaryFolder(), 'kinds.tar');
  await pipeline((await tandem.heads.export('kinds')).content, createWriteStream(file));
  const { tandem: elsewhere } = await open();
  await expect(elsewhere.heads.import(file)).rejects.toMatchObject({
    code: 'head-conflict',
    message: expect.stringMatching(
      /of the image encoder clip \(\w{12}\) and the text encoder clip \(\w{12}\), which are not here$/,
    ),
    fix: expect.stringContaining(`${product.invocation} encoders add`),
  });
  for (const modality of ['image', 'text'] as const) await elsewhere.encoders.add(clip, { modality });
  await elsewhere.heads.import(file);
  const ask = async (one: Tandem) => (await one.predict([await item()], { head: 'kinds' })).results;
  const [[ours], [theirs]] = [await ask(tandem), await ask(elsewhere)];
  expect({ ...theirs, timings: undefined }).toEqual({ ...ours, timings: undefined });
});
