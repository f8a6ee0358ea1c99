import { apply, applyMany, type Value } from '../value.ts';
import { exp, multiply, subtract } from './elementwise.ts';
import { mean, sum, sumTo } from './reduction.ts';

/** Softmax over the last axis. */
export function softmax(x: Value): Value {
  const y: Value = apply('Softmax', [x], {
    shape: x.shape,
    attributes: { axis: -1 },
    gradient: (dy) => {
      const weighted = multiply(dy, y);
      return [subtract(weighted, multiply(y, sum(weighted, [-1], { keepAxes: true })))];
    },
  });
  return y;
}

/** Logarithm of the softmax over the last axis. */
export function logSoftmax(x: Value): Value {
  const y: Value = apply('LogSoftmax', [x], {
    shape: x.shape,
    attributes: { axis: -1 },
    gradient: (dy) => [subtract(dy, multiply(exp(y), sum(dy, [-1], { keepAxes: true })))],
  });
  return y;
}

/**
 * Layer normalization over the last axis, variance biased: `(x - mean) / sqrt(variance + epsilon) * gain + shift`.
 * Ba, Kiros and Hinton 2016.
 */
export function layerNorm(x: Value, gain: Value, shift: Value, epsilon = 1e-5): Value {
  const row = { type: x.type, shape: [...x.shape.slice(0, -1), 1] };
  const [y, rowMean, inverseDeviation] = applyMany('LayerNormalization', [x, gain, shift], {
    outputs: [{ type: x.type, shape: x.shape }, row, row],
    attributes: { axis: -1, epsilon: { float: epsilon } },
    gradient: ([dy]) => {
      const normalized = multiply(subtract(x, rowMean), inverseDeviation);
      const inner = multiply(dy!, gain);
      const meanOf = (value: Value) => mean(value, [-1], { keepAxes: true });
      const centred = subtract(
        subtract(inner, meanOf(inner)),
        multiply(normalized, meanOf(multiply(inner, normalized))),
      );
      return [
        multiply(centred, inverseDeviation),
        sumTo(multiply(dy!, normalized), gain.shape),
        sumTo(dy!, shift.shape),
      ];
    },
  });
  return y;
}
