import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Engine } from '../../../../src/runtime/engine.ts';
import { createFileColumn } from '../../../../src/training/features/feature-file.ts';
import {
  applyScaling,
  type FeatureTable,
  fitScaling,
  selectRows,
} from '../../../../src/training/features/feature-table.ts';
import { Batches } from '../../../../src/training/loop/batches.ts';
import { fitHead } from '../../../../src/training/loop/fit.ts';
import { defaultRecipe } from '../../../../src/training/loop/recipe.ts';
import { syntheticTable } from '../synthetic.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'feature-file-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

const rows = 700;
const inMemory = syntheticTable({
  rows,
  classes: 4,
  dimensions: { image: 24, text: 16 },
  missing: { text: 0.2 },
});

async function onDisk(): Promise<FeatureTable> {
  const columns = await Promise.all(
    inMemory.columns.map(async (column) => {
      const file = await createFileColumn(folder, column);
      for (let first = 0; first < rows; first += 100)
        await file.write(
          first,
          column.values.subarray(first * column.dimension, (first + 100) * column.dimension),
        );
      return file;
    }),
  );
  return { ...inMemory, columns };
}

it('leaves no file behind, whatever happens to the process', async () => {
  await onDisk();
  expect(await readdir(folder)).toEqual([]);
});

it('gives the same head from disk as from memory, to the byte', async () => {
  const table = await onDisk();
  const split = { train: [...Array(500).keys()], test: [...Array(200).keys()].map((row) => 500 + row) };
  const options = { classes: 4, recipe: { ...defaultRecipe, hidden: 16 }, seed: 1 };
  const [memory, disk] = [
    await fitHead(engine, inMemory, split, options),
    await fitHead(engine, table, split, options),
  ];
  expect(disk.weights).toEqual(memory.weights);
  expect(disk.answers).toEqual(memory.answers);
});

it('reads any rows in any order, selected and scaled', async () => {
  const table = await onDisk();
  const chosen = [5, 6, 7, 650, 3, 3, 699, 0];
  for (const [m, column] of table.columns.entries()) {
    const scaling = await fitScaling(column, 4);
    expect(scaling).toEqual(await fitScaling(inMemory.columns[m], 4));
    const [expected, read] = [0, 1].map(() => new Float32Array(chosen.length * column.dimension));
    const source = inMemory.columns[m];
    await applyScaling(source, scaling).read(chosen, expected);
    const selected = selectRows({ ...table, columns: [applyScaling(column, scaling)] }, chosen).columns[0];
    await selected.read([...chosen.keys()], read);
    expect(read).toEqual(expected);
  }
});

it('feeds windows whose rows are those of the table', async () => {
  const table = await onDisk();
  const batches = new Batches(table, { batchSize: 8, seed: 1, dropout: 0, partial: false }, 100);
  let step = 0;
  for (let window = 0; window < 9; window++) {
    const { steps, ...at } = batches.windowAt(step);
    expect(at.window).toBe(window);
    const tensors = await batches.window(window, window < 8);
    const features = tensors['features.0'].data as Float32Array;
    const labels = tensors.truth.data as Int32Array;
    // A row leans towards its label: the largest of its first numbers is most often there.
    const leans = Array.from(labels, (label, row) => features[row * 24 + label] > 1).filter(Boolean);
    expect(leans.length / labels.length).toBeGreaterThan(0.9);
    step += steps;
  }
});
