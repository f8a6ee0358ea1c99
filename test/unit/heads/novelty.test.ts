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

it('multiplies the shares of all modalities that an item has, and searches no further than it must', () => {
  const similarities = fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 })
    .map((values) => values.sort((a, b) => a - b));
  fc.assert(
    fc.property(
      fc.array(features, { minLength: 1, maxLength: 8 }),
      fc.tuple(features, features),
      fc.tuple(similarities, similarities),
      fc.double({ min: -8, max: 0, noNaN: true }),
      (rows, [text, image], [ofText, ofImage], limit) => {
        const column = columnOf(rows);
        const imageColumn = { ...column, modality: 'image' as const };
        const novelty = noveltyOf([column, imageColumn], {
          ...{ neighbours: rows.length, falseAlarms: 0.05, rows: rows.length },
          limits: { text: [0, -1], image: [0, -1] },
          joint: { similarities: { text: ofText, image: ofImage }, limit },
        });
        const share = (known: number[], nearest: number) =>
          Math.log((known.filter((value) => value <= nearest).length + 1) / (known.length + 1));
        const [nearestText, nearestImage] = [
          nearestSimilarity(column, text),
          nearestSimilarity(imageColumn, image),
        ];
        const sum = share(ofText, nearestText) + share(ofImage, nearestImage);
        // What rounding decides is nobody's promise.
        fc.pre(Math.abs(sum - limit) > 1e-6);
        const found = novelty.unlikeIn({ text, image });
        expect(found.length > 0).toBe(sum < limit);
        expect(novelty.unlikeIn({ text, image })).toEqual(found);
        expect(novelty.unlikeIn({ text })).toEqual(nearestText < 0 ? ['text'] : []);
      },
    ),
  );
});
