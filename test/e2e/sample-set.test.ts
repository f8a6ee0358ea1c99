import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished } from 'vitest';
import { buildSampleSet } from '../../scripts/build-sample-set.ts';
import { describeEmoji, stem, wordsOf } from '../../scripts/sample-set/description.ts';
import { readDataset } from '../../src/datasets/dataset.ts';

const groups = ['Travel & Places', 'People & Body', 'Food & Drink'];

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sample-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

it.each([
  ['place of worship', ['religion', 'church'], 'worship, religion, church'],
  ['person in lotus position', ['yoga', 'body', 'some people'], 'lotus position, yoga'],
  ['hot dog', ['dogs', 'fast food', 'blue-square', ':)', 'sausage'], 'hot dog, sausage'],
  ['foods', [], ''],
  ['waiter', ['a b', 'c d', 'e f', 'g h'], 'waiter, a b, c d, e f'],
])('the text on "%s" does not give its group away', (name, keywords, text) => {
  expect(describeEmoji(name, keywords, groups)).toBe(text);
});

it('is a dataset of over 1,200 examples and 8 labels whose texts name no label', async () => {
  const folder = join(await temporaryFolder(), 'emoji');
  let drawn = 0;
  const examples = await buildSampleSet(folder, { onProgress: (done) => (drawn = done) });
  expect(drawn).toBe(examples.length);
  const dataset = await readDataset(folder);
  expect(dataset.examples.length).toBeGreaterThan(1200);
  expect(dataset.labels).toHaveLength(8);
  expect(dataset.notes).toEqual([]);
  expect(new Set(dataset.examples.map(({ content }) => content.image?.sha256)).size).toBe(
    dataset.examples.length,
  );
  const labelWords = new Set(dataset.labels.flatMap(wordsOf).map(stem));
  for (const { content } of dataset.examples) {
    const { text = '' } = content;
    expect(text).not.toBe('');
    expect(wordsOf(text).filter((word) => labelWords.has(stem(word)))).toEqual([]);
  }
  // The one that all tests share was built alike.
  const again = inject('sampleSet');
  for (const name of (await readdir(folder)).sort()) {
    expect((await readFile(join(folder, name))).equals(await readFile(join(again, name)))).toBe(true);
  }
});

it('does not replace a folder with anything else in it', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'diary.txt'), 'Dear diary');
  await expect(buildSampleSet(folder)).rejects.toThrow(/something else/);
  expect(await readdir(folder)).toEqual(['diary.txt']);
});
