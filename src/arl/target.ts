import {
  add,
  cast,
  log,
  multiply,
  negate,
  scale,
  sigmoid,
  softplus,
  subtract,
  sumOf,
} from '../graph/operations/elementwise.ts';
import { reshape } from '../graph/operations/layout.ts';
import {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  crossEntropy,
  type Loss,
  squaredError,
} from '../graph/operations/loss.ts';
import { softmax } from '../graph/operations/normalization.ts';
import { dot, mean, sum } from '../graph/operations/reduction.ts';
import { equal, greater, pick, rowMaximum } from '../graph/operations/selection.ts';
import { constant, type ElementType, type Shape, type Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';

/** A head's predictions against the truth. */
export interface Judgement extends Loss {
  /** What the logits stand for [B, C]: probabilities, or values. */
  predictions: Value;
  /** Entropy of the predictions, summed over the rows and weighted as the loss is; absent where they have none. */
  entropy?: Value;
}

/** What a head learns to say. Everything that differs between kinds of targets stands here. */
export interface Target {
  /** The truth about an example: one class's index, or a number for each column. */
  truth: { type: ElementType; shape(rows: number, columns: number): Shape };
  judge(logits: Value, truth: Value, options?: CrossEntropyOptions): Judgement;
  /** Logits whose predictions are the mean of the predictions of several opinions [B, C]. */
  average(opinions: readonly Value[]): Value;
  /** [B]: 1 where the prediction is right, or the share of the columns that are; absent where nothing is right or wrong. */
  right?(logits: Value, truth: Value): Value;
}

export const targets = {
  /** One of C labels: softmax. */
  single: {
    truth: { type: 'int32', shape: (rows) => [rows] },
    judge(logits, truth, options = {}) {
      const { logProbabilities, probabilities, loss, perRow } = crossEntropy(logits, truth, options);
      const { weights } = options;
      const weighted = weights ? multiply(probabilities, weights) : probabilities;
      return { loss, perRow, predictions: probabilities, entropy: negate(dot(weighted, logProbabilities)) };
    },
    average: (opinions) => log(meanOf(opinions.map(softmax))),
    // No index of the largest is looked for: that costs as much as three passes of the loss.
    right(logits, truth) {
      const isLargest = equal(pick(logits, truth), rowMaximum(logits));
      return reshape(cast(isLargest, 'float32'), [itemAt(logits.shape, 0)]);
    },
  },
  /** Any of C labels, each by itself: sigmoids. Label smoothing ε moves every target by ε/2 towards the middle. */
  multi: {
    truth: { type: 'float32', shape: (rows, columns) => [rows, columns] },
    judge(logits, truth, { weights, smoothing = 0 } = {}) {
      const { perRow, probabilities } = binaryCrossEntropy(logits, truth);
      const smoothed = smoothing === 0 ? truth : add(scale(truth, 1 - smoothing), constant(smoothing / 2));
      const { loss } = binaryCrossEntropy(logits, smoothed, { weights });
      const cells = subtract(softplus(logits), multiply(probabilities, logits));
      const entropy = sum(weights ? multiply(cells, weights) : cells);
      return { loss, perRow, predictions: probabilities, entropy };
    },
    average: (opinions) =>
      subtract(log(meanOf(opinions.map(sigmoid))), log(meanOf(opinions.map((u) => sigmoid(negate(u)))))),
    right(logits, truth) {
      const chosen = cast(greater(logits, constant(0)), 'int32');
      const wanted = cast(greater(truth, constant(0.5)), 'int32');
      return mean(cast(equal(chosen, wanted), 'float32'), [1]);
    },
  },
  /** Numbers: what the logits are. */
  regression: {
    truth: { type: 'float32', shape: (rows, columns) => [rows, columns] },
    judge: (logits, truth, { weights } = {}) => ({
      ...squaredError(logits, truth, { weights }),
      predictions: logits,
    }),
    average: (opinions) => scale(sumOf(opinions), 1 / opinions.length),
  },
} satisfies Record<string, Target>;

/** Keeps a logarithm finite where every opinion is certain. */
const tiny = 1e-30;

function meanOf(probabilities: readonly Value[]): Value {
  return add(scale(sumOf(probabilities), 1 / probabilities.length), constant(tiny));
}

export type TargetKind = keyof typeof targets;
