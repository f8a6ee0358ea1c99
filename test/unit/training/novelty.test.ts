import { expect, it } from 'vitest';
import { neighbourColumn, setNeighbour } from '../../../src/heads/neighbours.ts';
import { noveltyOf } from '../../../src/heads/novelty.ts';
import { Random } from '../../../src/random.ts';
import { memoryColumn } from '../../../src/training/features/feature-table.ts';
import { calibrateNovelty } from '../../../src/training/novelty.ts';

const dimension = 16;
const modalities = ['image', 'text'] as const;

/** Rows of two modalities about one direction each; those from elsewhere lie about another. */
function rowsAbout(direction: number, count: number, random: Random) {
  return Array.from({ length: count }, () =>
    modalities.map(() =>
      Float32Array.from(
        { length: dimension },
        (_, place) => Number(place === direction) + 0.5 * (random.nextFloat() - 0.5),
      ),
    ),
  );
}

async function calibrated(held: number) {
  const random = new Random(held, 'novelty');
  const rows = rowsAbout(0, 60 + held, random);
  const columns = modalities.map((modality, m) => {
    const values = new Float32Array(rows.length * dimension);
    for (const [row, features] of rows.entries()) values.set(features[m] ?? [], row * dimension);
    return memoryColumn({ modality, dimension, values, present: new Uint8Array(rows.length).fill(1) });
  });
  const kept = modalities.map((modality, m) => {
    const column = neighbourColumn({ modality, dimension }, 60);
    for (const [row, features] of rows.slice(0, 60).entries())
      setNeighbour(column, row, features[m] ?? new Float32Array(dimension));
    return column;
  });
  const strata = new Int32Array(rows.length);
  const table = { columns, strata, truth: { target: 'single' as const, columns: 1, values: strata } };
  const neighbours = {
    rows: Array.from({ length: 60 }, (_, row) => ({ row, id: '0'.repeat(16), truth: { class: 'x' } })),
    columns: kept,
  };
  const places = Array.from({ length: held }, (_, index) => 60 + index);
  const { novelty } = await calibrateNovelty(table, places, neighbours, () => true);
  const judge = noveltyOf(kept, novelty ?? { falseAlarms: 0, rows: 0, neighbours: 0, limits: {} });
  const share = (items: Float32Array[][]) =>
    items.filter(([image, text]) => judge.unlikeIn({ image, text }).length > 0).length / items.length;
  return { fresh: share(rowsAbout(0, 400, random)), foreign: share(rowsAbout(5, 400, random)) };
}

it.each([25, 60, 400])(
  'finds pairs from elsewhere, and few others, once %i pairs were held out',
  async (held) => {
    const { fresh, foreign } = await calibrated(held);
    expect(foreign).toBeGreaterThan(0.99);
    // 5 %, and four standard errors, of the asked rows and of those held out together.
    expect(fresh).toBeLessThan(0.05 + 4 * Math.sqrt(0.05 * 0.95 * (1 / 400 + 1 / held)));
  },
);

it('finds nothing where too few were held out to know', async () => {
  expect(await calibrated(10)).toEqual({ fresh: 0, foreign: 0 });
});
