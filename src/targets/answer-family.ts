import { itemAt } from '../indexing.ts';
import type { TargetKind } from './target-kind.ts';

/** Keeps the logarithm of a probability finite. */
export const smallestProbability = 1e-12;

/** How answers follow from a pooled row η. The truth of an example is its row of a table (see TruthTable). */
export interface AnswerFamily {
  /** Negative log likelihood of the truth, up to what no weight changes. */
  loss(pooled: Float64Array, truth: ArrayLike<number>): number;
  /** What is expected of each element, μ(η). */
  expect(pooled: Float64Array): Float64Array;
  /** `Σ_k y_k o_k`: the gradient by a weight is `Σ_k μ_k o_k` less this. */
  product(truth: ArrayLike<number>, prediction: ArrayLike<number>): number;
  /** `aᵀ C b` with C the covariance of the elements where μ is expected of them. */
  covariance(expected: Float64Array, a: ArrayLike<number>, b: ArrayLike<number>): number;
}

/** Makes a sum NaN where a row is too short. The loops below read rows in place: they are most of the work of a calibration. */
export const missing = Number.NaN;

/** One label: predictions are log-probabilities, the truth its index. */
export const oneLabel: AnswerFamily = {
  loss: (pooled, truth) => logSumExp(pooled) - itemAt(pooled, itemAt(truth, 0)),
  expect(pooled) {
    const normalizer = logSumExp(pooled);
    return pooled.map((value) => Math.exp(value - normalizer));
  },
  product: (truth, prediction) => itemAt(prediction, itemAt(truth, 0)),
  covariance(expected, a, b) {
    let product = 0;
    for (let k = 0; k < expected.length; k++)
      product += (expected[k] ?? missing) * (a[k] ?? missing) * (b[k] ?? missing);
    return product - dot(expected, a) * dot(expected, b);
  },
};

/** Any of several labels: predictions are logits, the truth 1 or 0 for each. */
export const severalLabels: AnswerFamily = {
  // log(1 + exp η) - y η, without overflow.
  loss(pooled, truth) {
    let total = 0;
    for (let k = 0; k < pooled.length; k++) {
      const value = pooled[k] ?? missing;
      total += Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value))) - (truth[k] ?? missing) * value;
    }
    return total;
  },
  expect: (pooled) => pooled.map((value) => 1 / (1 + Math.exp(-value))),
  product: dot,
  covariance(expected, a, b) {
    let total = 0;
    for (let k = 0; k < expected.length; k++) {
      const p = expected[k] ?? missing;
      total += p * (1 - p) * (a[k] ?? missing) * (b[k] ?? missing);
    }
    return total;
  },
};

/** Numbers: half the squared error, which is a normal distribution's negative log likelihood. */
export const numbers: AnswerFamily = {
  loss(pooled, truth) {
    let total = 0;
    for (let k = 0; k < pooled.length; k++)
      total += ((pooled[k] ?? missing) - (truth[k] ?? missing)) ** 2 / 2;
    return total;
  },
  expect: (pooled) => pooled,
  product: dot,
  covariance: (_, a, b) => dot(a, b),
};

/** How the answers to the rows of a table are pooled. */
export interface AnswerModel {
  target: TargetKind;
  family: AnswerFamily;
  /** What is pooled, from an answer as a head gives it. */
  fromAnswer(answer: Float64Array): Float64Array;
  /** An answer as a head gives it, from a pooled row. */
  toAnswer(pooled: Float64Array): Float64Array;
  /** The truth of a row as the family takes it. */
  truthOf(row: number): ArrayLike<number>;
  /** The family's loss times this is the loss that is told. */
  lossFactor: number;
}

function logSumExp(row: Float64Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of row) largest = Math.max(largest, value);
  let total = 0;
  for (const value of row) total += Math.exp(value - largest);
  return largest + Math.log(total);
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let k = 0; k < a.length; k++) total += (a[k] ?? missing) * (b[k] ?? missing);
  return total;
}
