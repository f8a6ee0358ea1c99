import { expect, it } from 'vitest';
import { multi } from '../../../src/targets/multi.ts';
import { regression } from '../../../src/targets/regression.ts';
import { single } from '../../../src/targets/single.ts';

it('says how often each class is among the rows', () => {
  const truth = { target: 'single' as const, columns: 1, values: Int32Array.of(0, 0, 1, 2) };
  expect([...single.prior(truth, [0, 1, 2], 3)].map((p) => p.toFixed(3))).toEqual([
    '0.667',
    '0.333',
    '0.000',
  ]);
});

it('says how often each of several labels is, and the mean of numbers', () => {
  const labels = { target: 'multi' as const, columns: 2, values: Float32Array.of(1, 0, 1, 1, 0, 0, 1, 0) };
  expect([...multi.prior(labels, [0, 1, 2, 3])]).toEqual([0.75, 0.25]);
  const numbers = { target: 'regression' as const, columns: 1, values: Float64Array.of(1, 2, 3, 100) };
  expect([...regression.prior(numbers, [0, 1, 2])].map((value) => Math.round(value))).toEqual([2]);
});
