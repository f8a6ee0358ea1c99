import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Tandem } from '../../../src/app/tandem.ts';
import { TandemError } from '../../../src/errors.ts';
import type { Prediction } from '../../../src/heads/prediction.ts';
import { Random } from '../../../src/random.ts';
import { folderWith } from '../../unit/datasets/sample.ts';
import { open } from '../app/open-tandem.ts';

const things = {
  food: ['pizza', 'bread', 'soup', 'cheese', 'apple', 'rice', 'cake', 'noodles'],
  tool: ['hammer', 'saw', 'drill', 'wrench', 'pliers', 'chisel', 'screwdriver', 'axe'],
};
const places = ['kitchen', 'shed', 'garage', 'market', 'shop'];

/** Short texts of two labels, each with its label. */
function lines(rows: number, seed = 1): string[] {
  const random = new Random(seed, 'texts');
  const of = (words: readonly string[]) => words[random.nextInteger(words.length)];
  return Array.from({ length: rows }, (_, row) => {
    const label = row % 2 ? 'food' : 'tool';
    return `a ${of(things[label])} beside a ${of(things[label])} in the ${of(places)} ${row},${label}`;
  });
}

const texts = (rows: number) => folderWith({ 'metadata.csv': ['text,label', ...lines(rows)].join('\n') });

const elsewhere = [
  'fix a segmentation fault when the socket closes early',
  'Bump standards version to 4.6.2, no changes needed',
  'const answer = await fetch(url, { signal });',
  'The committee adjourned until the following Tuesday.',
  'for (let row = 0; row < rows.length; row++) sum += rows[row];',
  'New upstream release, closes three bugs in the parser',
  'Der Zug nach Hamburg hat heute zehn Minuten Verspätung.',
  'quarterly revenue rose by four percent year over year',
];

async function answers(tandem: Tandem, head: string, inputs: string[]): Promise<Prediction[]> {
  const { results } = await tandem.predict(
    inputs.map((text) => ({ text })),
    { head },
  );
  return results.map((result) => {
    if (result instanceof TandemError) throw result;
    return result;
  });
}

it('says of every answer whether it is accepted, once an accuracy was wished for', async () => {
  const { tandem } = await open();
  const dataset = await texts(240);
  const { folder } = await tandem.train(dataset, { head: 'things', search: false, acceptAccuracy: 0.9 });
  const manifest = JSON.parse(await readFile(path.join(folder, 'head.json'), 'utf8'));
  expect(manifest.acceptance).toMatchObject({ accuracy: 0.9, rows: 48 });
  expect(manifest.novelty).toMatchObject({ falseAlarms: 0.05, rows: 48 });
  const fresh = lines(100, 2).map((line) => line.replace(/,.*/, ''));
  const usual = await answers(tandem, 'things', fresh);
  const alarms = usual.filter(({ reasons = [] }) =>
    reasons.some(({ reason }) => reason === 'unlike-training'),
  );
  // 5 %, and four standard errors, of these rows and of the 48 held out together.
  expect(alarms.length).toBeLessThan(100 * (0.05 + 4 * Math.sqrt(0.05 * 0.95 * (1 / 100 + 1 / 48))));
  expect(usual.find(({ decision }) => decision === 'accepted')?.reasons).toEqual([]);
  const foreign = await answers(tandem, 'things', elsewhere);
  for (const { decision, reasons } of foreign) {
    expect(decision).toBe('unsure');
    expect(reasons).toContainEqual({ reason: 'unlike-training', modality: 'text' });
  }
  // The same again, where the features are remembered.
  expect((await answers(tandem, 'things', elsewhere)).map(({ reasons }) => reasons)).toEqual(
    foreign.map(({ reasons }) => reasons),
  );
});

it('sets the threshold of a registered version, and takes it away, without another training', async () => {
  const { tandem } = await open();
  await tandem.train(await texts(240), { head: 'things', search: false });
  const ask = async () => (await answers(tandem, 'things', elsewhere.slice(0, 1)))[0];
  expect(await ask()).not.toHaveProperty('decision');
  const { acceptance } = await tandem.heads.accept('things@1', 0.9);
  expect(acceptance).toMatchObject({ accuracy: 0.9, rows: 48 });
  expect(await tandem.heads.get('things')).toMatchObject({ acceptance });
  expect(await ask()).toMatchObject({ decision: 'unsure' });
  await tandem.heads.accept('things', null);
  expect(await ask()).not.toHaveProperty('decision');
  await expect(tandem.heads.accept('things', 1.5)).rejects.toMatchObject({ code: 'invalid-request' });
  await expect(tandem.heads.accept('other', 0.9)).rejects.toMatchObject({ code: 'unknown-head' });
});

it('says that no threshold reaches the accuracy, and decides nothing then', async () => {
  const { tandem } = await open();
  const random = new Random(2, 'labels');
  const lines = Array.from(
    { length: 120 },
    (_, row) => `thing number ${row},${random.nextFloat() < 0.5 ? 'one' : 'other'}`,
  );
  const dataset = await folderWith({ 'metadata.csv': ['text,label', ...lines].join('\n') });
  const notes: string[] = [];
  await tandem.train(dataset, {
    head: 'noise',
    search: false,
    acceptAccuracy: 0.99,
    onNote: (note) => notes.push(note),
  });
  expect(notes.join()).toMatch(/No threshold reaches an accuracy of 0\.99 on the 2\d held-out rows/);
  expect((await answers(tandem, 'noise', ['thing number 3']))[0]).not.toHaveProperty('decision');
  await expect(tandem.heads.accept('noise', 0.99)).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringMatching(/noise@1 reaches an accuracy of 0\.99 at no threshold/),
  });
});

it('answers numbers with an interval that fresh rows keep to', async () => {
  const { tandem } = await open();
  const random = new Random(3, 'prices');
  const line = (row: number) => {
    const [word, price] = random.nextFloat() < 0.5 ? ['hammer', 10] : ['pizza', 20];
    return {
      text: `a ${word} in the ${places[row % places.length]} ${row}`,
      price: price + random.nextNormal(),
    };
  };
  const rows = Array.from({ length: 400 }, (_, row) => line(row));
  const dataset = await folderWith({
    'metadata.csv': ['text,label', ...rows.map(({ text, price }) => `${text},${price.toFixed(3)}`)].join(
      '\n',
    ),
  });
  await expect(
    tandem.train(dataset, { head: 'prices', target: 'regression', acceptAccuracy: 0.9 }),
  ).rejects.toMatchObject({
    code: 'invalid-recipe',
    message: expect.stringMatching(/come with an interval/),
  });
  await tandem.train(dataset, { head: 'prices', target: 'regression', search: false });
  const fresh = Array.from({ length: 200 }, (_, row) => line(1000 + row));
  const predictions = await answers(
    tandem,
    'prices',
    fresh.map(({ text }) => text),
  );
  const within = predictions.filter(({ interval = { low: 0, high: 0 } }, index) => {
    const price = fresh[index]?.price ?? Number.NaN;
    return price >= interval.low && price <= interval.high;
  }).length;
  // 90 % of 200; four standard errors, of these rows and of the 80 held out together.
  expect(within).toBeGreaterThan(200 * 0.9 - 4 * Math.sqrt(200 * 0.9 * 0.1 * (1 + 200 / 80)));
  expect(predictions.filter(({ decision }) => decision === 'accepted').length).toBeGreaterThan(150);
  // An interval says nothing of what is unlike the training.
  for (const { decision, reasons } of await answers(tandem, 'prices', elsewhere)) {
    expect(decision).toBe('unsure');
    expect(reasons).toEqual([{ reason: 'unlike-training', modality: 'text' }]);
  }
  expect(await tandem.heads.get('prices')).toMatchObject({ decides: true, acceptance: undefined });
  for (const accuracy of [0.9, null])
    await expect(tandem.heads.accept('prices', accuracy)).rejects.toMatchObject({
      message: expect.stringMatching(/are unsure where an item is unlike the training/),
    });
});

it('says of several labels whether they are accepted, and what is unlike the training', async () => {
  const { tandem } = await open();
  const random = new Random(4, 'several');
  const pick = (words: readonly string[]) => words[random.nextInteger(words.length)];
  const line = (row: number) => {
    const kinds = [['food'], ['tool'], ['food', 'tool']][row % 3] as (keyof typeof things)[];
    const words = kinds.map((kind) => `a ${pick(things[kind])}`).join(' and ');
    return { text: `${words} in the ${pick(places)} ${row}`, label: kinds };
  };
  const rows = Array.from({ length: 240 }, (_, row) => JSON.stringify(line(row)));
  const dataset = await folderWith({ 'metadata.jsonl': rows.join('\n') });
  await tandem.train(dataset, { head: 'several', target: 'multi', search: false, acceptAccuracy: 0.8 });
  const fresh = Array.from({ length: 100 }, (_, row) => line(1000 + row).text);
  const usual = await answers(tandem, 'several', fresh);
  expect(usual.some(({ decision }) => decision === 'accepted')).toBe(true);
  const alarms = usual.filter(({ reasons = [] }) =>
    reasons.some(({ reason }) => reason === 'unlike-training'),
  );
  expect(alarms.length).toBeLessThan(100 * (0.05 + 4 * Math.sqrt(0.05 * 0.95 * (1 / 100 + 1 / 48))));
  for (const { decision, reasons } of await answers(tandem, 'several', elsewhere)) {
    expect(decision).toBe('unsure');
    expect(reasons).toContainEqual({ reason: 'unlike-training', modality: 'text' });
  }
});
