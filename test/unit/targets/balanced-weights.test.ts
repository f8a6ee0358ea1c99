import fc from 'fast-check';
import { expect, it } from 'vitest';
import { multi } from '../../../src/targets/multi.ts';
import { single } from '../../../src/targets/single.ts';

it('lets every label that occurs count the same, and an example 1 on average', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 100 }), (labels) => {
      const { columns, values } = single.balancedWeights({
        target: 'single',
        columns: 1,
        values: Int32Array.from(labels),
      });
      expect(columns).toBe(1);
      const totals = [...new Set(labels)].map((label) =>
        values.reduce((sum, weight, row) => sum + (labels[row] === label ? weight : 0), 0),
      );
      for (const total of totals) expect(total).toBeCloseTo(labels.length / totals.length, 3);
    }),
  );
});

it('lets those that bear a label of several count as much as those that lack it', () => {
  const columns = 3;
  const row = fc.array(fc.nat({ max: 1 }), { minLength: columns, maxLength: columns });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), (rows) => {
      const truth = { target: 'multi' as const, columns, values: Float32Array.from(rows.flat()) };
      const { values } = multi.balancedWeights(truth);
      for (let label = 0; label < columns; label++) {
        const total = (borne: number) =>
          rows.reduce(
            (sum, own, index) => sum + (own[label] === borne ? values[index * columns + label] : 0),
            0,
          );
        for (const borne of [0, 1])
          if (rows.some((own) => own[label] === borne)) expect(total(borne)).toBeCloseTo(rows.length / 2, 3);
      }
    }),
  );
});
