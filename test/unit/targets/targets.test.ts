import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkDataset, type ReadOptions, readDataset } from '../../../src/datasets/dataset.ts';
import { splitRows } from '../../../src/datasets/split/split-rows.ts';
import { encodeTruths } from '../../../src/targets/encode-truths.ts';

async function datasetOf(rows: object[], options: ReadOptions) {
  const folder = await mkdtemp(path.join(tmpdir(), 'targets-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(path.join(folder, 'metadata.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  return { folder, check: await checkDataset(folder, options) };
}

it('reads several labels from a list or a text, and none as none', async () => {
  const rows = [
    { text: 'a', label: 'red|big' },
    { text: 'b', label: ['big', ' red '] },
    { text: 'c', label: '' },
    { text: 'd', label: 'small' },
  ];
  const { check } = await datasetOf(rows, { target: 'multi' });
  expect(check.problems).toEqual([]);
  expect(check.dataset?.labels).toEqual(['big', 'red', 'small']);
  const { truth } = encodeTruths(check.dataset!);
  expect(truth).toMatchObject({ target: 'multi', columns: 3 });
  expect([...truth.values]).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1]);
});

it('takes another separator', async () => {
  const { check } = await datasetOf(
    [
      { text: 'a', label: 'x; y' },
      { text: 'b', label: 'y' },
    ],
    { target: 'multi', labelSeparator: ';' },
  );
  expect(check.dataset?.labels).toEqual(['x', 'y']);
});

it('names every row whose label is no number', async () => {
  const rows = [
    { text: 'a', label: 1.5 },
    { text: 'b', label: 'cheap' },
    { text: 'c', label: '' },
    { text: 'd', label: '-2e3' },
  ];
  const { check } = await datasetOf(rows, { target: 'regression' });
  expect(check.problems.map(({ at }) => at)).toEqual(['metadata.jsonl row 2', 'metadata.jsonl row 3']);
  expect(check.problems[0].detail).toContain('"cheap", not a number');
});

it.each(['multi', 'regression'] as const)(
  'says that there is nothing to learn where all rows are the same: %s',
  async (target) => {
    const { check } = await datasetOf(
      [
        { text: 'a', label: '7' },
        { text: 'b', label: '7' },
      ],
      { target },
    );
    expect(check.problems[0].detail).toContain('there is nothing to learn');
  },
);

it('splits so that both sides have rare labels, and small and large numbers', async () => {
  const words = Array.from({ length: 60 }, (_, row) => ({
    text: `text ${row}`,
    label: row % 12 === 0 ? 'common|rare' : 'common',
  }));
  const several = await datasetOf(words, { target: 'multi' });
  const dataset = await readDataset(several.folder, { target: 'multi' });
  const { test } = splitRows(dataset, { seed: 1, testShare: 0.2 });
  expect(test.filter((row) => row % 12 === 0)).toHaveLength(1);

  const numbers = Array.from({ length: 100 }, (_, row) => ({ text: `text ${row}`, label: row }));
  const { check } = await datasetOf(numbers, { target: 'regression' });
  const split = splitRows(check.dataset!, { seed: 1, testShare: 0.2 });
  for (let tenth = 0; tenth < 10; tenth++)
    expect(split.test.filter((row) => Math.floor(row / 10) === tenth)).toHaveLength(2);
});

it('takes each item of a list as one label, whatever stands in it', async () => {
  const rows = [
    { text: 'a', label: ['R|B', 'red'] },
    { text: 'b', label: ['red'] },
    { text: 'c', label: 'R|red' },
  ];
  const { check } = await datasetOf(rows, { target: 'multi' });
  expect(check.problems).toEqual([]);
  expect(check.counts.labels).toEqual([
    { label: 'red', examples: 3 },
    { label: 'R', examples: 1 },
    { label: 'R|B', examples: 1 },
  ]);
  expect(check.dataset?.examples[0]?.truth).toEqual({ classes: ['R|B', 'red'] });
});

it('says once of a folder that its name is not a number, and names no example of it', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'targets-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of ['1', '2', 'many']) {
    await mkdir(path.join(folder, name));
    for (const file of ['a.txt', 'b.txt']) await writeFile(path.join(folder, name, file), `${name} ${file}`);
  }
  const { problems } = await checkDataset(folder, { target: 'regression' });
  expect(problems).toEqual([{ at: 'many/', detail: 'the name of the folder is "many", not a number' }]);
});

it('refuses a split that leaves the same labels on every example to train on', async () => {
  const rows = Array.from({ length: 12 }, (_, row) => ({
    text: `text ${row}`,
    label: row < 6 ? 'big|red' : 'big',
    split: row < 6 ? 'train' : 'test',
  }));
  const { check } = await datasetOf(rows, { target: 'multi' });
  expect(() => splitRows(check.dataset!, { seed: 0, testShare: 0.2 })).toThrow(
    'all with the labels "big, red": there is nothing to learn',
  );
});
