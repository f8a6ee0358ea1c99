import fc from 'fast-check';
import { expect, it } from 'vitest';
import { dealFolds } from '../../../../src/training/search/folds.ts';

const labelled = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 200 });

it('deals every row, and folds of about the same size', () => {
  fc.assert(
    fc.property(labelled, fc.integer({ min: 2, max: 10 }), fc.nat(), (labels, count, seed) => {
      const folds = dealFolds(labels, { count, seed });
      const sizes = Array.from({ length: count }, (_, fold) => folds.filter((own) => own === fold).length);
      expect(sizes.reduce((sum, size) => sum + size)).toBe(labels.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

it('gives every fold every label in the same share', () => {
  fc.assert(
    fc.property(labelled, fc.nat(), (labels, seed) => {
      const folds = dealFolds(labels, { count: 5, seed });
      for (const label of new Set(labels)) {
        const own = [...folds].filter((_, row) => labels[row] === label);
        const sizes = Array.from({ length: 5 }, (_, fold) => own.filter((one) => one === fold).length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }
    }),
  );
});

it('keeps rows of one group together', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 100 }), fc.nat(), (groups, seed) => {
      const labels = groups.map((group) => group % 3);
      const folds = dealFolds(labels, { count: 4, seed, groups });
      for (const group of new Set(groups))
        expect(new Set([...folds].filter((_, row) => groups[row] === group)).size).toBe(1);
    }),
  );
});

it('deals alike for the same seed, and otherwise for another', () => {
  const labels = Array.from({ length: 50 }, (_, row) => row % 2);
  const [first, again, other] = [1, 1, 2].map((seed) => [...dealFolds(labels, { count: 5, seed })]);
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});
