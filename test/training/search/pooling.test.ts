import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Random } from '../../../src/training/random.ts';
import { fitPooling, pool } from '../../../src/training/search/pooling.ts';

const classes = 4;

/** Log-probabilities of an opinion, and labels drawn from its distribution sharpened or flattened by `weight`. */
function drawn(count: number, weights: readonly number[], seed: number) {
  const random = new Random(seed, 'pooling test');
  const examples = Array.from({ length: count }, () =>
    weights.map(() => pool([Float64Array.from({ length: classes }, () => 2 * random.nextNormal())], [1])),
  );
  const labels = examples.map((opinions) => {
    const point = random.nextFloat();
    let sum = 0;
    const reached = pool(opinions, weights).map((value) => {
      sum += Math.exp(value);
      return sum;
    });
    return Math.max(
      0,
      reached.findIndex((value) => value > point),
    );
  });
  return { examples, labels };
}

function loss(
  examples: readonly ArrayLike<number>[][],
  labels: readonly number[],
  weights: readonly number[],
) {
  return (
    examples.reduce((sum, opinions, row) => sum - pool(opinions, weights)[labels[row]], 0) / labels.length
  );
}

it('gives log-probabilities', () => {
  const row = pool(
    [
      [-1, -2, -3],
      [-700, 0, -700],
    ],
    [0.5, 2],
  );
  expect(row.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 12);
});

it.each([[[0.5]], [[2]], [[0.4, 1.1]], [[0.7, 0.3, 1]]])(
  'finds the weights %j that labels were drawn with',
  (weights) => {
    const { examples, labels } = drawn(20_000, weights, 1);
    const found = fitPooling(examples, labels);
    for (const [index, weight] of weights.entries()) expect(found[index]).toBeCloseTo(weight, 1);
  },
);

it('gives no weight to an opinion that contradicts the labels', () => {
  const { examples, labels } = drawn(2_000, [1, -1], 2);
  const [, contrary] = fitPooling(examples, labels);
  expect(contrary).toBe(0);
});

it('stays finite where an opinion is always right', () => {
  const labels = Array.from({ length: 50 }, (_, index) => index % classes);
  const examples = labels.map((label) => [
    pool([Float64Array.from({ length: classes }, (_, index) => (index === label ? 5 : 0))], [1]),
  ]);
  const [weight] = fitPooling(examples, labels);
  expect(weight).toBeGreaterThan(1);
  expect(weight).toBeLessThan(1000);
});

it('is never less likely than the plain mean of the opinions', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(),
      (count, opinions, seed) => {
        const { examples, labels } = drawn(count, new Array(opinions).fill(0.8), seed);
        const mean = new Array<number>(opinions).fill(1 / opinions);
        const found = fitPooling(examples, labels);
        expect(loss(examples, labels, found)).toBeLessThanOrEqual(loss(examples, labels, mean) + 1e-9);
        expect(Math.min(...found)).toBeGreaterThanOrEqual(0);
      },
    ),
  );
});
