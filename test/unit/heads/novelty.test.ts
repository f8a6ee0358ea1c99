import fc from 'fast-check';
import { expect, it } from 'vitest';
import { neighbourColumn, setNeighbour } from '../../../src/heads/neighbours.ts';
import { nearestSimilarity, noveltyOf } from '../../../src/heads/novelty.ts';

const features = fc
  .array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
  .map((values) => Float32Array.from(values));

function columnOf(rows: readonly Float32Array[]) {
  const column = neighbourColumn({ modality: 'text', dimension: 4 }, rows.length);
  for (const [row, values] of rows.entries()) setNeighbour(column, row, values);
  return column;
}

it('finds an item unlike the training where the nearest of all rows is below the limit, however often it is asked', () => {
  fc.assert(
    fc.property(
      fc.array(features, { maxLength: 8 }),
      features,
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 2 }),
      (rows, item, limits) => {
        const column = columnOf(rows);
        const novelty = noveltyOf([column, { ...column, modality: 'image' }], {
          neighbours: rows.length,
          falseAlarms: 0.05,
          rows: rows.length,
          limits: { text: limits, image: [0, 0] },
        });
        const nearest = nearestSimilarity(column, item);
        const isUnlike = limits.map((limit) => nearest < limit);
        const alone = () => novelty.unlikeIn({ text: item }).includes('text');
        const both = () => novelty.unlikeIn({ text: item, image: item }).includes('text');
        expect([alone(), both(), alone()]).toEqual([isUnlike[0], isUnlike[1], isUnlike[0]]);
      },
    ),
  );
});
