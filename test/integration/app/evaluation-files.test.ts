import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { open } from './open-tandem.ts';

const rows = [
  'a slice of pizza,food-drink',
  'a dog,animals-nature',
  'a red car,food-drink',
  'a birthday cake,food-drink',
];

it('writes what a head answers to a dataset as a table and as a page, and refuses other formats at once', async () => {
  const { data, tandem } = await open();
  const folder = path.join(data, 'june');
  await mkdir(folder);
  await writeFile(path.join(folder, 'metadata.csv'), ['text,label', ...rows].join('\n'));
  const [predictions, report] = ['june.csv', 'june.html'].map((name) => path.join(data, name)) as [
    string,
    string,
  ];
  const evaluation = await tandem.evaluate(folder, { head: 'emoji', predictions, report });
  expect(evaluation).not.toHaveProperty('answered');
  const written: Record<string, string>[] = parse(await readFile(predictions), { columns: true });
  expect(written.map(({ row, true_label, correct }) => [row, true_label, correct])).toEqual([
    ['2', 'food-drink', 'true'],
    ['3', 'animals-nature', 'true'],
    ['4', 'food-drink', 'false'],
    ['5', 'food-drink', 'true'],
  ]);
  expect(evaluation.metrics.fused).toMatchObject({ accuracy: 0.75 });
  expect(await readFile(report, 'utf8')).toContain('Measured on');
  await expect(
    tandem.evaluate(folder, { head: 'emoji', predictions: path.join(data, 'june.xlsx') }),
  ).rejects.toMatchObject({ code: 'invalid-request' });
});
