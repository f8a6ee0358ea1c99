import { itemAt } from '../../indexing.ts';
import { constant, identity, type Value } from '../value.ts';
import { add, exp, multiply, negate, scale, sigmoid, softplus, subtract } from './elementwise.ts';
import { reshape } from './layout.ts';
import { logSoftmax } from './normalization.ts';
import { sum } from './reduction.ts';
import { pick, scatterAdd } from './selection.ts';

export interface Loss {
  /** Summed over the batch: a scalar. The mean's 1/B is cheaper where the gradients are clipped. */
  loss: Value;
  /** [batch, 1]: of each row, without weights and smoothing. */
  perRow: Value;
}

export interface CrossEntropy extends Loss {
  logProbabilities: Value;
  probabilities: Value;
}

export interface LossOptions {
  /** [batch, 1]: the weight of each row; 1 where absent. */
  weights?: Value;
}

export interface CrossEntropyOptions extends LossOptions {
  /** Label smoothing ε, Szegedy et al. 2016: the target is `(1 - ε) one-hot(label) + ε / classes`. */
  smoothing?: number;
}

/**
 * Cross entropy of `logits` [batch, classes] against `labels` [batch], int32.
 * Its gradient is written as one piece, `probabilities - target`, on what the forward pass already has.
 */
export function crossEntropy(
  logits: Value,
  labels: Value,
  { weights = constant(1), smoothing = 0 }: CrossEntropyOptions = {},
): CrossEntropy {
  const [batch, classes] = [itemAt(logits.shape, 0), itemAt(logits.shape, 1)];
  const logProbabilities = logSoftmax(logits);
  const probabilities = exp(logProbabilities);
  const column = reshape(labels, [batch, 1]);
  const labelLogProbabilities = pick(logProbabilities, labels);
  const spread = smoothing / classes;
  const row =
    smoothing === 0
      ? labelLogProbabilities
      : add(
          scale(labelLogProbabilities, 1 - smoothing),
          scale(sum(logProbabilities, [1], { keepAxes: true }), spread),
        );
  const loss = withGradient(negate(sum(multiply(row, weights))), logits, (dy) => {
    const ofLabel = constant(new Float32Array(batch).fill(smoothing - 1), [batch, 1]);
    const difference = scatterAdd(subtract(probabilities, constant(spread)), column, ofLabel, 1);
    return multiply(multiply(difference, weights), dy);
  });
  return { loss, perRow: negate(labelLogProbabilities), logProbabilities, probabilities };
}

/**
 * Binary cross entropy of `logits` [batch, classes], each class by itself, against `targets` of the same shape in
 * [0, 1]; summed over the classes. Weights are of the rows [batch, 1] or of every cell. Written as `softplus(u) - y u`, which no logit overflows.
 */
export function binaryCrossEntropy(
  logits: Value,
  targets: Value,
  { weights = constant(1) }: LossOptions = {},
): Loss & { probabilities: Value } {
  const probabilities = sigmoid(logits);
  const cells = subtract(softplus(logits), multiply(targets, logits));
  const perRow = sum(cells, [1], { keepAxes: true });
  const loss = withGradient(sum(multiply(cells, weights)), logits, (dy) =>
    multiply(multiply(subtract(probabilities, targets), weights), dy),
  );
  return { loss, perRow, probabilities };
}

/** Half the squared distance of `predictions` [batch, columns] from `targets` of the same shape. */
export function squaredError(
  predictions: Value,
  targets: Value,
  { weights = constant(1) }: LossOptions = {},
): Loss {
  const difference = subtract(predictions, targets);
  const perRow = scale(sum(multiply(difference, difference), [1], { keepAxes: true }), 0.5);
  return { loss: sum(multiply(perRow, weights)), perRow };
}

/** Gives `y` another gradient: all of it flows to `x`, by the rule. In the forward pass it is `y`. */
function withGradient(y: Value, x: Value, gradient: (dy: Value) => Value): Value {
  return identity([y, x], (dy) => [undefined, gradient(dy)]);
}
