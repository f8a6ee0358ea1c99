import { expect, it } from 'vitest';
import { pairedDifference } from '../../../src/evaluation/paired-difference.ts';

it('gives Student’s interval where the splits share nothing', () => {
  // Differences 1, 2, 3, 4, 5: mean 3, standard error √2.5 / √5, t(4) = 2.776.
  const { mean, margin, isDifferent } = pairedDifference([2, 3, 4, 5, 6], [1, 1, 1, 1, 1], 0);
  expect(mean).toBeCloseTo(3, 12);
  expect(margin).toBeCloseTo(2.776 * Math.sqrt(0.5), 6);
  expect(isDifferent).toBe(true);
});

it('widens it where they share examples, up to where nothing can be told', () => {
  const { margin, isDifferent } = pairedDifference([2, 3, 4, 5, 6], [1, 1, 1, 1, 1], 0.8);
  expect(margin).toBeCloseTo(2.776 * Math.sqrt(2.5 * (0.2 + 0.8)), 6);
  expect(isDifferent).toBe(false);
});

it('takes two pairs at least', () => {
  expect(() => pairedDifference([1], [2], 0)).toThrow(RangeError);
});
