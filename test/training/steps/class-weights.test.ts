import fc from 'fast-check';
import { expect, it } from 'vitest';
import { balancedWeights } from '../../../src/training/steps/class-weights.ts';

it('lets every label that occurs count the same, and an example 1 on average', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 100 }), (labels) => {
      const weights = balancedWeights(labels);
      const totals = [...new Set(labels)].map((label) =>
        weights.reduce((sum, weight, row) => sum + (labels[row] === label ? weight : 0), 0),
      );
      for (const total of totals) expect(total).toBeCloseTo(labels.length / totals.length, 3);
    }),
  );
});
