import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Dataset } from '../../../../src/datasets/example.ts';
import { noteSplit, splitRows } from '../../../../src/datasets/split/split-rows.ts';

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

it('says which choices a split of the dataset leaves without effect', () => {
  const dataset = datasetOf([['a'], ['b'], ['a'], ['b']]);
  const [first, ...others] = dataset.examples;
  const marked: Dataset = { ...dataset, examples: [{ ...first, split: 'test' }, ...others] };
  expect(noteSplit(marked, { testShare: 0.5, splitBy: 'content-hash' })).toEqual([
    'several marks 1 examples for testing, so none are drawn: --test-share (testShare) and --split-by (splitBy) had no effect',
  ]);
  expect(noteSplit(marked, {})).toEqual([]);
  expect(noteSplit(dataset, { testShare: 0.5 })).toEqual([]);
});
