import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  directionOf,
  type Neighbours,
  nearestRows,
  neighbourColumn,
  parseNeighbours,
  setNeighbour,
  similarityTo,
  writeNeighbours,
} from '../../../src/heads/neighbours.ts';
import { itemAt } from '../../../src/indexing.ts';
import { Random } from '../../../src/random.ts';
import { temporaryFolder } from '../datasets/sample.ts';

const encoders = [
  { modality: 'image' as const, id: 'i', dimension: 5, fingerprint: '' },
  { modality: 'text' as const, id: 't', dimension: 3, fingerprint: '' },
];

/** Three rows: one has both modalities, the others one each. */
function sample(): Neighbours {
  const image = neighbourColumn({ modality: 'image', dimension: 5 }, 3);
  setNeighbour(image, 0, Float32Array.of(3, 0, 0, 4, 0));
  setNeighbour(image, 1, Float32Array.of(0, 0, 2, 0, 0));
  const text = neighbourColumn({ modality: 'text', dimension: 3 }, 3);
  setNeighbour(text, 0, Float32Array.of(0, 1, 0));
  setNeighbour(text, 2, Float32Array.of(1, 0, 0));
  return {
    rows: ['00', '0a', 'ff'].map((id, row) => ({
      row: row + 1,
      id: id.padEnd(16, '0'),
      truth: { class: `label ${row}` },
    })),
    columns: [image, text],
  };
}

async function written(neighbours: Neighbours): Promise<Buffer> {
  const file = path.join(await temporaryFolder(), 'neighbours.bin');
  await writeNeighbours(file, neighbours);
  return readFile(file);
}

it('keeps rows, what is true of them and their features, in the same bytes each time', async () => {
  const bytes = await written(sample());
  expect(parseNeighbours(bytes, encoders)).toEqual(sample());
  expect((await written(sample())).equals(bytes)).toBe(true);
});

it('keeps cosines of features of any length to two digits', () => {
  const random = new Random(0, 'cosines');
  const [dimension, rows] = [385, 20];
  const numbers = () => Float32Array.from({ length: dimension }, () => 100 * random.nextNormal());
  const column = neighbourColumn({ modality: 'text', dimension }, rows);
  const all = Array.from({ length: rows }, numbers);
  for (const [row, features] of all.entries()) setNeighbour(column, row, features);
  const direction = directionOf(itemAt(all, 0));
  for (const [row, features] of all.entries()) {
    const other = directionOf(features);
    const cosine = direction.reduce((sum, value, index) => sum + value * itemAt(other, index), 0);
    expect(Math.abs(similarityTo(column, row, direction) - cosine)).toBeLessThan(0.01);
  }
});

it('finds the rows that an item resembles most, every modality that both have counting alike', async () => {
  const image = Float32Array.of(3, 0, 0, 4, 0);
  const text = Float32Array.of(1, 0, 0);
  const alone = await nearestRows(sample(), { text }, 1);
  expect(alone).toMatchObject([{ row: 3, truth: { class: 'label 2' } }]);
  expect(itemAt(alone, 0).similarity).toBeCloseTo(1);
  const both = await nearestRows(sample(), { image, text }, 3);
  expect(both.map(({ row }) => row)).toEqual([3, 1, 2]);
  expect(both.map(({ similarity }) => Number(similarity.toFixed(2)))).toEqual([0.71, 0.5, 0]);
});

it.each([
  ['is cut off', (bytes: Buffer) => bytes.subarray(0, -1), /ends too early/],
  ['has more than it says', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)]), /more than it says/],
  ['is no such file', () => Buffer.from('PK'), /cannot be used/],
  [
    'has features of another length',
    (bytes: Buffer) =>
      Buffer.from(bytes.toString('latin1').replace('"dimension":5', '"dimension":4'), 'latin1'),
    /takes no image of 4 features/,
  ],
])('refuses a file that %s', async (_, change, problem) => {
  const bytes = change(await written(sample()));
  expect(() => parseNeighbours(bytes, encoders)).toThrow(
    expect.objectContaining({ code: 'damaged-artifact', message: expect.stringMatching(problem) }),
  );
});
