import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Random } from '../../../../src/random.ts';
import {
  type AnswerFamily,
  numbers,
  oneLabel,
  severalLabels,
} from '../../../../src/targets/answer-family.ts';
import { fitPooling, pool } from '../../../../src/training/search/pooling.ts';

const classes = 4;
/** Labels as rows of a table. */
const rowsOf = (labels: readonly number[]) => labels.map((label) => [label]);

function logarithms(logits: Float64Array): Float64Array {
  return oneLabel.expect(logits).map(Math.log);
}

/** Log-probabilities of a prediction, and labels drawn from its distribution sharpened or flattened by `weight`. */
function drawn(count: number, weights: readonly number[], seed: number) {
  const random = new Random(seed, 'pooling test');
  const examples = Array.from({ length: count }, () =>
    weights.map(() => logarithms(Float64Array.from({ length: classes }, () => 2 * random.nextNormal()))),
  );
  const labels = examples.map((predictions) => {
    const point = random.nextFloat();
    let sum = 0;
    const reached = oneLabel.expect(pool(predictions, weights)).map((value) => {
      sum += value;
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
    examples.reduce(
      (sum, predictions, row) => sum + oneLabel.loss(pool(predictions, weights), [labels[row]]),
      0,
    ) / labels.length
  );
}

it('gives probabilities, however small they are', () => {
  const row = oneLabel.expect(
    pool(
      [
        [-1, -2, -3],
        [-700, 0, -700],
      ],
      [0.5, 2],
    ),
  );
  expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
});

const families: [string, AnswerFamily, number[]][] = [
  ['one label', oneLabel, [2]],
  ['several labels', severalLabels, [1, 0, 0, 1]],
  ['numbers', numbers, [0.3, -1, 2, 0]],
];
it.each(families)('has the gradient and the curvature of its loss in the weights: %s', (_, family, truth) => {
  const [first, second] = [
    [0.5, -1, 2, 0.25],
    [1, 0.5, -0.5, -2],
  ];
  const weights = [0.7, 0.4];
  const step = 1e-4;
  const lossAt = (a: number, b: number) =>
    family.loss(pool([first, second], [weights[0] + a, weights[1] + b]), truth);
  const expected = family.expect(pool([first, second], weights));
  const gradient =
    first.reduce((sum, value, k) => sum + expected[k] * value, 0) - family.product(truth, first);
  expect(gradient).toBeCloseTo((lossAt(step, 0) - lossAt(-step, 0)) / (2 * step), 6);
  const mixed =
    (lossAt(step, step) - lossAt(step, -step) - lossAt(-step, step) + lossAt(-step, -step)) / (4 * step ** 2);
  expect(family.covariance(expected, first, second)).toBeCloseTo(mixed, 5);
});

it('finds the weights that numbers were made with', () => {
  const random = new Random(8, 'pooling test');
  const examples = Array.from({ length: 500 }, () => [[random.nextNormal()], [random.nextNormal()]]);
  const truth = examples.map(([[a], [b]]) => [0.3 * a + 0.6 * b]);
  const [first, second] = fitPooling(numbers, examples, truth);
  expect(first).toBeCloseTo(0.3, 2);
  expect(second).toBeCloseTo(0.6, 2);
});

it.each([[[0.5]], [[2]], [[0.4, 1.1]], [[0.7, 0.3, 1]]])(
  'finds the weights %j that labels were drawn with',
  (weights) => {
    const { examples, labels } = drawn(20_000, weights, 1);
    const found = fitPooling(oneLabel, examples, rowsOf(labels));
    for (const [index, weight] of weights.entries()) expect(found[index]).toBeCloseTo(weight, 1);
  },
);

it('gives no weight to a prediction that contradicts the labels', () => {
  const { examples, labels } = drawn(2_000, [1, -1], 2);
  const [, contrary] = fitPooling(oneLabel, examples, rowsOf(labels));
  expect(contrary).toBe(0);
});

it('stays finite where a prediction is always right', () => {
  const labels = Array.from({ length: 50 }, (_, index) => index % classes);
  const examples = labels.map((label) => [
    logarithms(Float64Array.from({ length: classes }, (_, index) => (index === label ? 5 : 0))),
  ]);
  const [weight] = fitPooling(oneLabel, examples, rowsOf(labels));
  expect(weight).toBeGreaterThan(1);
  expect(weight).toBeLessThan(1000);
});

it('is never less likely than the plain mean of the predictions', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 60 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat(),
      (count, predictions, seed) => {
        const { examples, labels } = drawn(count, new Array(predictions).fill(0.8), seed);
        const mean = new Array<number>(predictions).fill(1 / predictions);
        const found = fitPooling(oneLabel, examples, rowsOf(labels));
        expect(loss(examples, labels, found)).toBeLessThanOrEqual(loss(examples, labels, mean) + 1e-9);
        expect(Math.min(...found)).toBeGreaterThanOrEqual(0);
      },
    ),
  );
});

it('is the best of all weights that are not negative, also where several want to be', () => {
  fc.assert(
    fc.property(fc.integer({ min: 5, max: 60 }), fc.nat(), (count, seed) => {
      const random = new Random(seed, 'non-negative test');
      const truth = Array.from({ length: count }, () => [random.nextNormal()]);
      // The fused prediction is about the sum of the others, as that of concat fusion.
      const examples = truth.map(([value]) => {
        const [image, text] = [1.5, 0.8].map((noise) => value + noise * random.nextNormal());
        return [[image + text + 0.2 * random.nextNormal()], [image], [text]];
      });
      const meanLoss = (weights: readonly number[]) =>
        examples.reduce(
          (sum, predictions, row) => sum + numbers.loss(pool(predictions, weights), truth[row]),
          0,
        ) / count;
      const found = fitPooling(numbers, examples, truth);
      // Where none is best, all get a very small one.
      const isNone = found.every((weight) => weight === 0.01 / 3);
      const best = meanLoss(isNone ? [0, 0, 0] : found);
      const steps = [0, 0.1, 0.25, 0.5, 0.75, 1, 1.25];
      for (const a of steps)
        for (const b of steps)
          for (const c of steps) {
            const ridge = [a, b, c].reduce((sum, weight) => sum + 0.0005 * (weight - 1 / 3) ** 2, 0);
            expect(best).toBeLessThanOrEqual(meanLoss([a, b, c]) + ridge + 1e-9);
          }
      expect(Math.min(...found)).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 40 },
  );
});
