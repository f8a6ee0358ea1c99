import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Tandem } from '../../../src/app/tandem.ts';
import type { TrainOptions } from '../../../src/app/training.ts';
import { parseNeighbours } from '../../../src/heads/neighbours.ts';
import { folderWith, temporaryFolder } from '../../unit/datasets/sample.ts';
import { open } from '../app/open-tandem.ts';

const words = { food: ['pizza', 'bread', 'soup'], tool: ['hammer', 'saw', 'drill'] };

/** Sixty short texts of two labels. @param side of a row, where the dataset marks them itself */
function texts(side?: (row: number) => string): Promise<string> {
  const rows = Array.from({ length: 60 }, (_, row) => {
    const label = row % 2 ? 'food' : 'tool';
    const text = `${words[label][row % 3]} number ${row}`;
    return [text, label, ...(side ? [side(row)] : [])].join();
  });
  return folderWith({ 'metadata.csv': [`text,label${side ? ',split' : ''}`, ...rows].join('\n') });
}

async function train(tandem: Tandem, dataset: string, options: Partial<TrainOptions> = {}) {
  const summary = await tandem.train(dataset, { head: 'things', search: false, ...options });
  const read = (file: string) => readFile(path.join(summary.folder, file));
  const manifest = JSON.parse((await read('head.json')).toString());
  return {
    summary,
    manifest,
    weights: await read('head.onnx'),
    report: (await read('report.html')).toString(),
    neighbours: await read('neighbours.bin'),
  };
}

it('measures on held-out rows, then serves a head trained on every row, and says which figure is whose', async () => {
  const { tandem } = await open();
  const dataset = await texts();
  const served = await train(tandem, dataset);
  const measured = await train(tandem, dataset, { refit: false });
  const again = await train(tandem, dataset);
  expect(served.manifest.training).toMatchObject({
    examples: { training: 48, test: 12 },
    refit: { examples: 60 },
  });
  expect(served.summary.refit).toEqual({ examples: 60 });
  expect(measured.manifest.training.refit).toBeUndefined();
  expect(served.manifest.metrics).toEqual(measured.manifest.metrics);
  expect(served.weights.equals(measured.weights)).toBe(false);
  expect(served.weights.equals(again.weights)).toBe(true);
  expect(served.report).toContain('was then trained anew, in the same way, on all 60');
  expect(measured.report).not.toContain('trained anew');
});

it('keeps every row that the served head was trained on, in the same bytes each time', async () => {
  const { tandem } = await open();
  const dataset = await texts();
  const served = await train(tandem, dataset);
  const measured = await train(tandem, dataset, { refit: false });
  const again = await train(tandem, dataset);
  const rowsOf = ({ neighbours, manifest }: typeof served) =>
    parseNeighbours(neighbours, manifest.encoders).rows;
  expect(rowsOf(served)).toHaveLength(60);
  expect(rowsOf(measured)).toHaveLength(48);
  expect(again.neighbours.equals(served.neighbours)).toBe(true);
});

it('fits what makes features of further columns to every row as well, and serves a head that takes them', async () => {
  const { tandem } = await open();
  const rows = Array.from({ length: 60 }, (_, row) => {
    const brand = `brand ${Math.floor(row / 4)}${row % 2}`;
    return [`thing ${row}`, brand, row % 2 ? 'food' : 'tool'].join();
  });
  const dataset = await folderWith({ 'metadata.csv': ['text,brand,label', ...rows].join('\n') });
  const options = { tableColumns: ['brand'] };
  const served = await train(tandem, dataset, options);
  const measured = await train(tandem, dataset, { ...options, refit: false });
  const brandsOf = ({ manifest }: typeof served) =>
    manifest.encoders.find(({ modality }: { modality: string }) => modality === 'table').fitted.columns[0]
      .categories.length;
  // Every brand has two rows; of some, one is on the test side.
  expect(brandsOf(served)).toBe(30);
  expect(brandsOf(measured)).toBeLessThan(30);
  expect(served.manifest.metrics).toEqual(measured.manifest.metrics);
  const again = await train(tandem, dataset, options);
  expect(again.weights.equals(served.weights)).toBe(true);
  const { results } = await tandem.predict([{ text: 'thing', table: { brand: 'brand 71' } }], {
    head: `things@${again.summary.version}`,
  });
  expect(results[0]).toMatchObject({ modalities: ['text', 'table'] });
  const { rows: evaluated } = await tandem.evaluate(dataset, { head: 'things', ...options });
  expect(evaluated).toMatchObject({ examples: 60, trainedOn: 48 });
});

it('leaves a test side that the dataset marks untouched, unless asked for all rows', async () => {
  const { tandem } = await open();
  const dataset = await texts((row) => (row < 40 ? 'train' : 'test'));
  const served = await train(tandem, dataset);
  const asked = await train(tandem, dataset, { refit: true });
  expect(served.manifest.training).toMatchObject({ examples: { training: 40, test: 20 } });
  expect(served.manifest.training.refit).toBeUndefined();
  expect(asked.manifest.training.refit).toEqual({ examples: 60 });
  expect(asked.manifest.metrics).toEqual(served.manifest.metrics);
});

it('resumes in the training on every row, and ends with the same bytes', async () => {
  const { tandem } = await open();
  const dataset = await texts();
  const whole = await train(tandem, dataset);
  const checkpoints = await temporaryFolder();
  const interruption = new AbortController();
  const interrupted = train(tandem, dataset, {
    checkpoints,
    signal: interruption.signal,
    onProgress: ({ stage, done }) => {
      if (stage === 'refit' && done > 0) interruption.abort();
    },
  });
  await expect(interrupted).rejects.toMatchObject({ code: 'job-cancelled' });
  const stages: string[] = [];
  const resumed = await train(tandem, dataset, {
    checkpoints,
    onProgress: ({ stage, done }) => void stages.push(`${stage} ${done}`),
  });
  expect(resumed.weights.equals(whole.weights)).toBe(true);
  expect(resumed.neighbours.equals(whole.neighbours)).toBe(true);
  expect(stages).not.toContain('refit 0');
});

it('measures a head on the rows that it did not learn from, as the head answered that never saw them', async () => {
  const { tandem } = await open();
  const dataset = await texts();
  const { manifest } = await train(tandem, dataset);
  await train(tandem, dataset, { refit: false });
  const all = await tandem.evaluate(dataset, { head: 'things@1' });
  expect(all.rows).toEqual({ split: 'all', examples: 60, trainedOn: 48 });
  const test = await tandem.evaluate(dataset, { head: 'things@1', split: 'test' });
  expect(test.rows).toEqual({ split: 'test', examples: 12, trainedOn: 0 });
  for (const [name, value] of Object.entries(manifest.metrics.fused))
    expect(test.metrics.fused[name], name).toBeCloseTo(value as number, 6);
  const learnt = await tandem.evaluate(dataset, { head: 'things@1', split: 'train' });
  expect(learnt.rows).toEqual({ split: 'train', examples: 48, trainedOn: 48 });
  // The same rows measured both versions, so that they answer them alike.
  const { onDataset } = await tandem.heads.compare('things@1', 'things@2', { dataset });
  expect(onDataset).toMatchObject({ dataset: { examples: 12, leftOut: 48 }, trainedOnIt: [] });
  for (const { difference } of onDataset!.figures) expect(difference).toBeCloseTo(0, 6);
});

it('takes the record of its rows along in a package', async () => {
  const { tandem } = await open();
  const dataset = await texts();
  await train(tandem, dataset);
  const { content } = await tandem.heads.export('things');
  const file = path.join(await temporaryFolder(), 'things.tar');
  await writeFile(file, content);
  await tandem.heads.import(file, { name: 'copy' });
  const { rows } = await tandem.evaluate(dataset, { head: 'copy', split: 'test' });
  expect(rows).toEqual({ split: 'test', examples: 12, trainedOn: 0 });
});

it('measures on the side that a dataset marks, and says where there is no such side', async () => {
  const { tandem } = await open();
  const marked = await texts((row) => (row < 40 ? 'train' : 'test'));
  await train(tandem, marked);
  const usual = await tandem.evaluate(marked, { head: 'things' });
  expect(usual.rows).toEqual({ split: 'test', examples: 20, trainedOn: 0 });
  const others = await folderWith({ 'metadata.csv': 'text,label\na spade,tool\na cake,food\n' });
  const { rows } = await tandem.evaluate(others, { head: 'things' });
  expect(rows).toEqual({ split: 'all', examples: 2, trainedOn: 0 });
  await expect(tandem.evaluate(others, { head: 'things', split: 'test' })).rejects.toMatchObject({
    code: 'invalid-dataset',
    message: expect.stringContaining('ask for no split (--split) to measure all 2'),
  });
});
