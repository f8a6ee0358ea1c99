import { apply, blocked, constant, type Value } from '../value.ts';
import { exp, multiply, negate } from './elementwise.ts';
import { reshape } from './layout.ts';
import { logSoftmax } from './normalization.ts';
import { sum } from './reduction.ts';

export interface CrossEntropy {
  /** Summed over the batch: a scalar. The mean's 1/B is cheaper where the gradients are clipped. */
  loss: Value;
  logProbabilities: Value;
  probabilities: Value;
}

/**
 * Cross entropy of `logits` [batch, classes] against `labels` [batch], int32.
 * Its gradient is written as one piece, `probabilities - one-hot(labels)`, on what the forward pass already has.
 * @param weights [batch, 1]: the weight of each row; 1 where absent
 */
export function crossEntropy(logits: Value, labels: Value, weights: Value = constant(1)): CrossEntropy {
  const [batch] = logits.shape;
  const logProbabilities = logSoftmax(logits);
  const probabilities = exp(logProbabilities);
  const column = reshape(labels, [batch, 1]);
  const chosen = apply('GatherElements', [logProbabilities, column], {
    shape: [batch, 1],
    attributes: { axis: 1 },
    gradient: blocked,
  });
  const loss = withGradient(negate(sum(multiply(chosen, weights))), logits, (dy) => {
    const minusOne = constant(new Float32Array(batch).fill(-1), [batch, 1]);
    const difference = apply('ScatterElements', [probabilities, column, minusOne], {
      shape: logits.shape,
      attributes: { axis: 1, reduction: 'add' },
      gradient: blocked,
    });
    return multiply(multiply(difference, weights), dy);
  });
  return { loss, logProbabilities, probabilities };
}

/** Gives `y` another gradient: all of it flows to `x`, by the rule. In the forward pass it is `y`. */
function withGradient(y: Value, x: Value, gradient: (dy: Value) => Value): Value {
  return apply('', [y, x], { shape: y.shape, gradient: (dy) => [undefined, gradient(dy)] });
}
