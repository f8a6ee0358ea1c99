import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTandem, type Tandem } from '../../../src/index.ts';

const models = fileURLToPath(new URL('../../fixtures/models/', import.meta.url));
const colours = [
  { r: 220, g: 40, b: 40 },
  { r: 40, g: 200, b: 60 },
  { r: 50, g: 80, b: 230 },
];
const places = [
  [0, 0],
  [16, 0],
  [0, 16],
  [16, 16],
];

let folder: string;
let tandem: Tandem;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tandem-tune-images-'));
  tandem = await openTandem({ data: path.join(folder, 'data'), logLevel: 'silent', threads: 1 });
  for (const [family, modality] of [
    ['mobilenet', 'image'],
    ['modernbert', 'text'],
  ] as const)
    await tandem.encoders.add(path.join(models, family), { modality });
  await writeSet();
});
afterAll(async () => {
  await tandem?.close();
  await rm(folder, { recursive: true });
});

/** Two squares and a text that says which of them is meant; the label is that square's colour. Every fifth row lacks one. */
async function writeSet(): Promise<void> {
  await mkdir(path.join(folder, 'images'));
  const rows: string[] = [];
  for (let row = 0; row < 240; row++) {
    const [first, second] = [row % 3, (row + 1 + (Math.floor(row / 3) % 2)) % 3];
    const [left, top] = places[(row * 7) % 4];
    const name = `images/${row}.png`;
    const square = (colour: number) => ({
      create: { width: 14, height: 14, channels: 3 as const, background: colours[colour] },
    });
    await sharp({ create: { width: 32, height: 32, channels: 3, background: { r: row % 50, g: 30, b: 30 } } })
      .composite([
        { input: await sharp(square(first)).png().toBuffer(), left, top },
        { input: await sharp(square(second)).resize(8, 8).png().toBuffer(), left: 24 - left, top: 24 - top },
      ])
      .png()
      .toFile(path.join(folder, name));
    const isLarge = row % 4 < 2;
    const text = isLarge ? `the large one of ${row % 11}` : `the small one of ${row % 11}`;
    rows.push(
      `${row % 5 === 3 ? '' : name},${row % 5 === 4 ? '' : text},colour ${isLarge ? first : second}\n`,
    );
  }
  await writeFile(path.join(folder, 'squares.csv'), `image,text,label\n${rows.join('')}`);
}

async function train(options: Partial<Parameters<Tandem['train']>[1]>) {
  const notes: string[] = [];
  const summary = await tandem.train(path.join(folder, 'squares.csv'), {
    ...{ head: 'squares', search: false, refit: false, onNote: (note) => void notes.push(note) },
    ...{ imageEncoder: 'mobilenet', textEncoder: 'modernbert' },
    ...options,
  });
  return { summary, notes };
}

it('tunes the last blocks of an image and of a text encoder at once, though some examples lack one', async () => {
  const { summary, notes } = await train({ tune: ['text:last-2', 'image:last-3'] });
  expect(notes.join()).toContain('Tuning pays');
  expect(summary.tuning?.blocks).toEqual({ image: 3, text: 2 });
  const image = await readFile(path.join(folder, 'images', '0.png'));
  const text = 'the large one of 0';
  const { results } = await tandem.predict([{ image, text }, { image }, { text }], {
    head: 'squares',
    topK: 1,
  });
  const best = results.map((result) => ('labels' in result ? result.labels[0] : undefined));
  expect(best[0]?.label).toBe('colour 0');
  for (const label of best) expect(Number.isFinite(label?.probability)).toBe(true);
});

it('trains adapters on every block of one encoder beside the last blocks of another', async () => {
  const { summary } = await train({ tune: ['text:lora-4', 'image:last-3'] });
  expect(summary.tuning).toMatchObject({ blocks: { image: 3, text: 3 }, ranks: { text: 4 } });
});

it('finds out what to tune, and says what it tried', async () => {
  const { summary, notes } = await train({ tune: 'auto' });
  const said = notes.find((note) => note.includes('Tried: ')) ?? '';
  const tried = Array.from(said.matchAll(/(\S+(?: and \S+)?) at [\d.]+ (\d\.\d{4})/g), ([, name, loss]) => ({
    ...{ name, loss: Number(loss) },
  }));
  expect(tried.map(({ name }) => name)).toEqual([
    'image:last-1',
    'text:last-2',
    'image:last-1 and text:last-2',
  ]);
  const best = tried.toSorted((a, b) => a.loss - b.loss)[0];
  const blocks = Object.entries(summary.tuning?.blocks ?? {}).map(([name, count]) => `${name}:last-${count}`);
  if (said.startsWith('Tuning pays')) expect(blocks.sort().join(' and ')).toBe(best.name);
  else expect(blocks).toEqual([]);
});

it('compares frozen encoders with tuned ones, balanced in four ways, on the same splits', async () => {
  const comparison = await tandem.compareTuning(path.join(folder, 'squares.csv'), {
    ...{
      tune: ['image:last-1', 'text:last-1'],
      seeds: 2,
      imageEncoder: 'mobilenet',
      textEncoder: 'modernbert',
    },
  });
  expect(comparison).toMatchObject({
    tuned: ['image:last-1', 'text:last-1'],
    split: 'drawn',
    target: 'single',
  });
  const figures = comparison.results.map(({ contender, fused }) => [contender, fused.accuracy.bySeed.length]);
  expect(Object.fromEntries(figures)).toEqual({
    ...{ frozen: 2, 'tuned-joint': 2, 'tuned-uniform': 2, 'tuned-arl': 2, 'tuned-pdmp': 2 },
  });
  const lossOf = (name: string) =>
    comparison.results.find(({ contender }) => contender === name)?.fused.negativeLogLikelihood.mean ??
    Number.NaN;
  const { mean } = comparison.tuning.negativeLogLikelihood;
  expect(mean).toBeCloseTo(lossOf('tuned-joint') - lossOf('frozen'), 10);
  expect(comparison.differences?.map(({ against }) => against).sort()).toEqual([
    ...['tuned-joint', 'tuned-pdmp', 'tuned-uniform'],
  ]);
});
