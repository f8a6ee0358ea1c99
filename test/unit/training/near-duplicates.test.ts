import { afterAll, expect, it } from 'vitest';
import { Engine } from '../../../src/runtime/engine.ts';
import { type FeatureTable, type MemoryColumn, rowOf } from '../../../src/training/features/feature-table.ts';
import { nearDuplicates } from '../../../src/training/near-duplicates.ts';
import { syntheticTable } from './synthetic.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

const rows = 700;
const split = {
  train: Array.from({ length: 400 }, (_, index) => index),
  test: Array.from({ length: 300 }, (_, index) => 400 + index),
};

/** Makes one row nearly the same as another, in every modality. */
function plant({ columns }: FeatureTable<MemoryColumn>, from: number, to: number, noise: number): void {
  for (const column of columns)
    for (const [place, value] of rowOf(column, from).entries())
      column.values[to * column.dimension + place] = value * (1 + noise * (place % 2 === 0 ? 1 : -1));
}

it('finds the planted twins and nothing else, the nearest first', async () => {
  const table = syntheticTable({ rows, classes: 4, dimensions: { image: 40, text: 30 } });
  plant(table, 7, 450, 0.1);
  plant(table, 99, 699, 0.02);
  const found = await nearDuplicates(engine, table, split);
  expect(found?.map(({ test, train }) => [test, train])).toEqual([
    [699, 99],
    [450, 7],
  ]);
  for (const { similarity } of found!) expect(similarity).toBeGreaterThan(0.97);
});

it('finds the same among more rows than it holds at a time', async () => {
  const table = syntheticTable({ rows: 20_000, classes: 4, dimensions: { image: 8, text: 8 } });
  const [train, test] = [0, 19_000].map((first) =>
    Array.from({ length: first === 0 ? 19_000 : 1000 }, (_, index) => first + index),
  );
  plant(table, 18_500, 19_900, 0.001);
  plant(table, 4, 19_001, 0.002);
  const found = await nearDuplicates(engine, table, { train, test });
  for (const [planted, twin] of [
    [19_900, 18_500],
    [19_001, 4],
  ])
    expect(found!.find(({ test }) => test === planted)).toMatchObject({ train: twin });
});

it('does not take a row for the twin of one that shares a single modality with it', async () => {
  const table = syntheticTable({ rows, classes: 4, dimensions: { image: 40, text: 30 } });
  const [image, text] = table.columns;
  text.values.set(rowOf(text, 7), 450 * text.dimension);
  plant(table, 8, 451, 0);
  rowOf(image, 451).fill(0);
  image.present[451] = 0;
  expect(await nearDuplicates(engine, table, split)).toEqual([]);
});
