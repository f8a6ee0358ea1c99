import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Dataset } from '../../../../src/datasets/example.ts';
import { splitRows } from '../../../../src/datasets/split/split-rows.ts';

const labels = ['a', 'b', 'c', 'd'];

function datasetOf(own: string[][]): Dataset {
  const examples = own.map((some, row) => ({
    row: row + 2,
    content: { text: `text number ${row}` },
    truth: { classes: some.toSorted() },
  }));
  return { name: 'several', target: 'multi', labels, examples, hash: '', notes: [] };
}

it('trains on every one of several labels, whatever bears it', () => {
  const rows = fc.array(fc.subarray(labels), { minLength: 12, maxLength: 40 });
  fc.assert(
    fc.property(rows, fc.nat(100), fc.double({ min: 0.1, max: 0.8, noNaN: true }), (own, seed, testShare) => {
      const { train, test } = splitRows(datasetOf(own), { seed, testShare });
      const taught = new Set(train.flatMap((row) => own[row]));
      for (const row of test) for (const label of own[row]) expect(taught).toContain(label);
      expect([...train, ...test].sort((a, b) => a - b)).toEqual([...own.keys()]);
    }),
  );
});
