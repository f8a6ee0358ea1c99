import { expect, it } from 'vitest';
import { priorOf } from '../../../src/evaluation/prior.ts';

const labels = Int32Array.of(0, 0, 1, 2);

it('says how often each class is among the rows', () => {
  expect([...priorOf({ labels }, [0, 1, 2], 3)].map((p) => p.toFixed(3))).toEqual([
    '0.667',
    '0.333',
    '0.000',
  ]);
});

it('says how often each of several labels is, and the mean of numbers', () => {
  const multi = { kind: 'multi' as const, columns: 2, values: Float32Array.of(1, 0, 1, 1, 0, 0, 1, 0) };
  expect([...priorOf({ labels, targets: multi }, [0, 1, 2, 3], 4)]).toEqual([0.75, 0.25]);
  const numbers = { kind: 'regression' as const, columns: 1, values: Float64Array.of(1, 2, 3, 100) };
  expect([...priorOf({ labels, targets: numbers }, [0, 1, 2], 4)].map((value) => Math.round(value))).toEqual([
    2,
  ]);
});
