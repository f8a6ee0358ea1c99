import { itemAt } from '../../indexing.ts';
import { apply, applyMany, type Value } from '../value.ts';

/** Softmax over the last axis. */
export function softmax(x: Value): Value {
  return apply('Softmax', [x], { shape: x.shape, attributes: { axis: -1 } });
}

/** Logarithm of the softmax over the last axis. */
export function logSoftmax(x: Value): Value {
  return apply('LogSoftmax', [x], { shape: x.shape, attributes: { axis: -1 } });
}

/**
 * Layer normalization over the last axis, variance biased: `(x - mean) / sqrt(variance + epsilon) * gain + shift`.
 * Ba, Kiros and Hinton 2016. The node has the mean and the inverse deviation of each row as further outputs.
 */
export function layerNorm(x: Value, gain: Value, shift: Value, epsilon = 1e-5): Value {
  const row = { type: x.type, shape: [...x.shape.slice(0, -1), 1] };
  const outputs = applyMany('LayerNormalization', [x, gain, shift], {
    outputs: [{ type: x.type, shape: x.shape }, row, row],
    attributes: { axis: -1, epsilon: { float: epsilon } },
  });
  return itemAt(outputs, 0);
}
