import { floatOf, given, integerOf, unsupported } from '../attributes.ts';
import {
  add,
  atLeast,
  cast,
  divide,
  exp,
  multiply,
  reciprocal,
  scale,
  sign,
  sqrt,
  subtract,
} from '../operations/elementwise.ts';
import { expand, reshape } from '../operations/layout.ts';
import { mean, sum, sumTo } from '../operations/reduction.ts';
import { equal } from '../operations/selection.ts';
import { elementCount, positiveAxis } from '../shape.ts';
import { constant, type Node, type Value } from '../value.ts';
import { type GradientRules, reduction, unary } from './rule.ts';

/** Over axes: reductions, and what is divided by one. */
export const normalizationRules: GradientRules = {
  ReduceSum: reduction((dy, x) => expand(dy, x.shape)),
  ReduceMean: reduction((dy, x, _, axes) =>
    scale(expand(dy, x.shape), 1 / elementCount(axes.map((axis) => given(x.shape[axis])))),
  ),
  ReduceL1: reduction((dy, x) => multiply(dy, sign(x))),
  // Zeros have no direction: their gradient is taken for zero.
  ReduceL2: reduction((dy, x, y) => multiply(divide(dy, atLeast(y, 1e-30)), x)),
  ReduceSumSquare: reduction((dy, x) => multiply(dy, scale(x, 2))),
  ReduceMax: reduction((dy, x, y, axes) => {
    const isLargest = cast(equal(x, y), 'float32');
    return multiply(dy, divide(isLargest, sum(isLargest, axes, { keepAxes: true })));
  }),
  GlobalAveragePool: unary((dy, x) =>
    scale(expand(dy, x.shape), elementCount(dy.shape) / elementCount(x.shape)),
  ),
  Softmax: unary((dy, _, y, node) => {
    const weighted = multiply(dy, y);
    return subtract(weighted, multiply(y, sum(weighted, [integerOf(node, 'axis', -1)], { keepAxes: true })));
  }),
  LogSoftmax: unary((dy, _, y, node) =>
    subtract(dy, multiply(exp(y), sum(dy, [integerOf(node, 'axis', -1)], { keepAxes: true }))),
  ),
  LpNormalization: unary((dy, x, y, node) => {
    if (integerOf(node, 'p', 2) !== 2) throw unsupported(node, 'another p than 2');
    const axes = [integerOf(node, 'axis', -1)];
    const along = sum(multiply(dy, y), axes, { keepAxes: true });
    const length = atLeast(sqrt(sum(multiply(x, x), axes, { keepAxes: true })), 1e-30);
    return divide(subtract(dy, multiply(y, along)), length);
  }),
  LayerNormalization: (node, [dy]) => layerNormRule(node, given(dy)),
  BatchNormalization: (node, [dy]) => batchNormRule(node, given(dy)),
};

/** `dx = (c - mean(c) - n mean(c n)) / deviation`, where n is the normalized row and `c = gain dy`. */
function layerNormRule(node: Node, dy: Value): (Value | undefined)[] {
  const [x, gain, shift] = node.inputs;
  const { rowMean, inverseDeviation } = rowStatistics(node);
  const normalized = multiply(subtract(given(x), rowMean), inverseDeviation);
  const inner = multiply(dy, given(gain));
  const centred = subtract(
    subtract(inner, meanOfRows(inner)),
    multiply(normalized, meanOfRows(multiply(inner, normalized))),
  );
  return [
    multiply(centred, inverseDeviation),
    sumTo(multiply(dy, normalized), given(gain).shape),
    shift && sumTo(dy, shift.shape),
  ];
}

/** The mean and the inverse deviation of each row: what the node has computed, or else computed again. */
function rowStatistics(node: Node): { rowMean: Value; inverseDeviation: Value } {
  const x = given(node.inputs[0]);
  if (positiveAxis(integerOf(node, 'axis', -1), x.shape) !== x.shape.length - 1)
    throw unsupported(node, 'another axis than the last');
  const [, rowMean, inverseDeviation] = node.outputs;
  if (rowMean && inverseDeviation) return { rowMean, inverseDeviation };
  const centred = subtract(x, meanOfRows(x));
  const variance = meanOfRows(multiply(centred, centred));
  return {
    rowMean: meanOfRows(x),
    inverseDeviation: reciprocal(sqrt(add(variance, constant(floatOf(node, 'epsilon', 1e-5))))),
  };
}

function meanOfRows(x: Value): Value {
  return mean(x, [-1], { keepAxes: true });
}

/** In inference form: `(x - mean) / sqrt(variance + epsilon) * gain + shift`, with the mean and variance of training. */
function batchNormRule(node: Node, dy: Value): Value[] {
  if (integerOf(node, 'training_mode', 0) !== 0) throw unsupported(node, 'training_mode 1');
  const [x, gain, shift, runningMean, variance] = node.inputs;
  const channels = given(gain).shape;
  const byChannel = (value: Value | undefined) =>
    reshape(given(value), [
      ...channels,
      ...given(x)
        .shape.slice(2)
        .map(() => 1),
    ]);
  const deviation = sqrt(add(given(variance), constant(floatOf(node, 'epsilon', 1e-5))));
  const normalized = divide(subtract(given(x), byChannel(runningMean)), byChannel(deviation));
  const toChannels = (value: Value) => reshape(sumTo(value, byChannel(gain).shape), given(shift).shape);
  return [
    divide(multiply(dy, byChannel(gain)), byChannel(deviation)),
    toChannels(multiply(dy, normalized)),
    toChannels(dy),
  ];
}
