import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeTruths } from '../../../src/targets/encode-truths.ts';
import { type TargetKind, targetKinds } from '../../../src/targets/target-kind.ts';
import { targets } from '../../../src/targets/targets.ts';
import { keyOf, type Truth, truthSchema } from '../../../src/targets/truth.ts';
import { selectTruths } from '../../../src/targets/truth-table.ts';

const label = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .map((text) => text.normalize('NFC').trim())
  .filter((text) => text !== '' && !/\p{Cc}/u.test(text));

const truths: Record<TargetKind, fc.Arbitrary<Truth>> = {
  single: label.map((text) => ({ class: text })),
  multi: fc.uniqueArray(label, { maxLength: 5 }).map((labels) => ({ classes: labels.sort() })),
  regression: fc.double({ min: -1e15, max: 1e15, noNaN: true }).map((value) => ({ values: [value + 0] })),
};

it.each(targetKinds)('%s reads what it writes as the same truth, whatever the separator', (kind) => {
  const target = targets[kind];
  fc.assert(
    fc.property(truths[kind], fc.constantFrom('|', ';', ', ', 'a'), (truth, separator) => {
      const written = JSON.parse(JSON.stringify(target.write(truth)));
      const cell = Array.isArray(written) ? written : String(written);
      expect(target.read(cell, { name: 'it', separator })).toEqual(truth);
      expect(truthSchema.parse(JSON.parse(JSON.stringify(truth)))).toEqual(truth);
    }),
  );
});

it.each(targetKinds)('%s encodes truths so that equal rows are equal truths', (kind) => {
  fc.assert(
    fc.property(fc.array(truths[kind], { minLength: 1, maxLength: 8 }), (own) => {
      const labels = targets[kind].outputs(own, 'price');
      const { truth, strata } = encodeTruths({
        examples: own.map((each) => ({ truth: each })),
        labels,
        target: kind,
      });
      expect(strata).toHaveLength(own.length);
      expect(truth.values).toHaveLength(own.length * truth.columns);
      const rows = own.map((_, row) => [...selectTruths(truth, [row]).values].join());
      for (const [a, first] of own.entries())
        for (const [b, second] of own.entries())
          expect(rows[a] === rows[b]).toBe(keyOf(first) === keyOf(second));
    }),
  );
});

it.each(targetKinds)('%s takes no cell that is neither text nor a number', (kind) => {
  for (const cell of [null, [null, 'red']])
    expect(targets[kind].read(cell, { name: '"label"', separator: '|' })).toEqual({
      problem: expect.stringContaining('"label" is neither text nor a number'),
    });
});
