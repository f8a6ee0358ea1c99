import {
  expectAttribute,
  floatOf,
  given,
  integerOf,
  integersIn,
  integersOf,
  operatorName,
  unsupported,
} from './attributes.ts';
import {
  add,
  cast,
  divide,
  erf,
  exp,
  multiply,
  negate,
  reciprocal,
  scale,
  sigmoid,
  sign,
  sqrt,
  subtract,
} from './operations/elementwise.ts';
import { concat, expand, reshape, split, transpose, zeros } from './operations/layout.ts';
import { batchedMatmul, gemm } from './operations/linear.ts';
import { mean, sum, sumTo } from './operations/reduction.ts';
import { equal, greaterOrEqual, scatterAdd } from './operations/selection.ts';
import { elementCount, positiveAxis, reducedShape } from './shape.ts';
import { apply, constant, type Node, type Value } from './value.ts';

/**
 * How a gradient flows back through an operator: from the gradients of a node's outputs (undefined where nothing reached
 * one) to those of its inputs (undefined where none passes). It may build more than is needed: what no output of the
 * emitted model rests on is never written.
 */
type GradientRule = (node: Node, upstream: readonly (Value | undefined)[]) => readonly (Value | undefined)[];

/**
 * The gradient rule of every operator, as tinygrad's gradient.py has them: one table keyed by ONNX's name, so that a node
 * read from a model has a gradient as well as one that was built here. A rule reads nothing but its node.
 */
const rules: Readonly<Record<string, GradientRule>> = {
  // Element by element, with broadcasting.
  Add: binary((dy, a, b) => [sumTo(dy, a.shape), sumTo(dy, b.shape)]),
  Sub: binary((dy, a, b) => [sumTo(dy, a.shape), negate(sumTo(dy, b.shape))]),
  Mul: binary((dy, a, b) => [sumTo(multiply(dy, b), a.shape), sumTo(multiply(dy, a), b.shape)]),
  Div: binary((dy, a, b, y) => {
    const da = divide(dy, b);
    return [sumTo(da, a.shape), negate(sumTo(multiply(da, y), b.shape))];
  }),
  Min: binary((dy, a, b) => {
    const isFirst = cast(greaterOrEqual(b, a), 'float32');
    return [
      sumTo(multiply(dy, isFirst), a.shape),
      sumTo(multiply(dy, subtract(constant(1), isFirst)), b.shape),
    ];
  }),
  Neg: unary((dy) => negate(dy)),
  Reciprocal: unary((dy, _, y) => negate(multiply(dy, multiply(y, y)))),
  Exp: unary((dy, _, y) => multiply(dy, y)),
  Log: unary((dy, x) => divide(dy, x)),
  Sqrt: unary((dy, _, y) => divide(scale(dy, 0.5), y)),
  Abs: unary((dy, x) => multiply(dy, sign(x))),
  Tanh: unary((dy, _, y) => multiply(dy, subtract(constant(1), multiply(y, y)))),
  Sigmoid: unary((dy, _, y) => multiply(dy, multiply(y, subtract(constant(1), y)))),
  Softplus: unary((dy, x) => multiply(dy, sigmoid(x))),
  Relu: unary((dy, _, y) => multiply(dy, sign(y))),
  Erf: unary((dy, x) => multiply(dy, scale(exp(negate(multiply(x, x))), 2 / Math.sqrt(Math.PI)))),
  Gelu: unary((dy, x, _, node) => {
    expectAttribute(node, 'approximate', 'none');
    const cumulative = scale(add(erf(scale(x, Math.SQRT1_2)), constant(1)), 0.5);
    const density = scale(exp(scale(multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return multiply(dy, add(cumulative, multiply(x, density)));
  }),
  Clip: (node, [dy]) => {
    const [x, low, high] = node.inputs;
    const bounds = [
      ...(low ? [greaterOrEqual(given(x), low)] : []),
      ...(high ? [greaterOrEqual(high, given(x))] : []),
    ];
    return [bounds.reduce((passed, isInside) => multiply(passed, cast(isInside, 'float32')), given(dy))];
  },

  // The same elements elsewhere.
  Reshape: unary((dy, x) => reshape(dy, x.shape)),
  Expand: unary((dy, x) => sumTo(dy, x.shape)),
  Transpose: unary((dy, x, _, node) => {
    const order = integersOf(node, 'perm') ?? x.shape.map((_, axis) => axis).reverse();
    return transpose(dy, inverse(order));
  }),
  Concat: (node, [dy]) => {
    const axis = positiveAxis(integerOf(node, 'axis', 0), given(dy).shape);
    return split(
      given(dy),
      node.inputs.map(({ shape }) => given(shape[axis])),
      axis,
    );
  },
  Split: (node, upstream) => [
    concat(
      node.outputs.map(({ shape }, index) => upstream[index] ?? zeros(shape)),
      positiveAxis(integerOf(node, 'axis', 0), given(node.inputs[0]).shape),
    ),
  ],

  // Elements by their index. Those that are taken several times add up their gradients.
  Gather: indexed((dy, x, indices, node) => {
    // Along another axis than the first: that axis goes to the front, and comes back.
    const axis = positiveAxis(integerOf(node, 'axis', 0), x.shape);
    const front = toFront(x.shape.length, axis, 1);
    const shape = front.map((from) => given(x.shape[from]));
    const received = axis === 0 ? dy : transpose(dy, toFront(dy.shape.length, axis, indices.shape.length));
    const rows = apply(
      'ScatterND',
      [zeros(shape), reshape(cast(indices, 'int64'), [...indices.shape, 1]), received],
      { shape, attributes: { reduction: 'add' } },
    );
    return axis === 0 ? rows : transpose(rows, inverse(front));
  }),
  GatherElements: indexed((dy, x, indices, node) =>
    scatterAdd(zeros(x.shape), indices, dy, integerOf(node, 'axis', 0)),
  ),

  // Products of matrices.
  Gemm: (node, [dy]) => {
    expectAttribute(node, 'beta', 1);
    const [, , bias] = node.inputs;
    return [...productRule(gemm, node, given(dy)), ...(bias ? [sumTo(given(dy), bias.shape)] : [])];
  },
  'com.microsoft.FusedMatMul': (node, [dy]) => productRule(batchedMatmul, node, given(dy)),

  // Over axes.
  ReduceSum: reduction((dy, x) => expand(dy, x.shape)),
  ReduceMean: reduction((dy, x, _, axes) =>
    scale(expand(dy, x.shape), 1 / elementCount(axes.map((axis) => given(x.shape[axis])))),
  ),
  ReduceL1: reduction((dy, x) => multiply(dy, sign(x))),
  ReduceSumSquare: reduction((dy, x) => multiply(dy, scale(x, 2))),
  ReduceMax: reduction((dy, x, y, axes) => {
    const isLargest = cast(equal(x, y), 'float32');
    return multiply(dy, divide(isLargest, sum(isLargest, axes, { keepAxes: true })));
  }),
  Softmax: unary((dy, _, y, node) => {
    const weighted = multiply(dy, y);
    return subtract(weighted, multiply(y, sum(weighted, [integerOf(node, 'axis', -1)], { keepAxes: true })));
  }),
  LogSoftmax: unary((dy, _, y, node) =>
    subtract(dy, multiply(exp(y), sum(dy, [integerOf(node, 'axis', -1)], { keepAxes: true }))),
  ),

  LayerNormalization: (node, [dy]) => layerNormRule(node, given(dy)),

  // Steps and indices: their gradient is zero wherever there is one, so none passes.
  Sign: () => [],
  Cast: () => [],
  Equal: () => [],
  Greater: () => [],
  GreaterOrEqual: () => [],
  ArgMax: () => [],
  Mod: () => [],
};

/** Names of the operators that have a rule; those of another domain than ONNX's own begin with it. */
export const differentiableOperators: readonly string[] = Object.keys(rules);

/**
 * The gradients of a node's inputs, from those of its outputs.
 * @param upstream by output; undefined where no gradient reached one
 * @returns by input; undefined where none passes
 * @throws Error that names an operator without a rule, or an attribute that the rule doesn't cover
 */
export function gradientsOfInputs(
  node: Node,
  upstream: readonly (Value | undefined)[],
): readonly (Value | undefined)[] {
  if (node.gradient) return node.gradient(given(upstream[0]));
  const name = operatorName(node);
  const rule = rules[name];
  if (!rule) throw new Error(`no gradient rule for the operator ${name}: add one to src/graph/gradients.ts`);
  return rule(node, upstream);
}

function unary(rule: (dy: Value, x: Value, y: Value, node: Node) => Value): GradientRule {
  return (node, [dy]) => [rule(given(dy), given(node.inputs[0]), given(node.outputs[0]), node)];
}

function binary(rule: (dy: Value, a: Value, b: Value, y: Value) => [Value, Value]): GradientRule {
  return ({ inputs, outputs }, [dy]) =>
    rule(given(dy), given(inputs[0]), given(inputs[1]), given(outputs[0]));
}

/** Of an operator whose second input says where elements come from, which nothing learns through. */
function indexed(rule: (dy: Value, x: Value, indices: Value, node: Node) => Value): GradientRule {
  return (node, [dy]) => [rule(given(dy), given(node.inputs[0]), given(node.inputs[1]), node)];
}

/** Of a reduction: the rule gets the gradient and the result with the reduced axes, of size 1, back in their places. */
function reduction(rule: (dy: Value, x: Value, y: Value, axes: readonly number[]) => Value): GradientRule {
  return unary((dy, x, y, node) => {
    const axes = integersIn(node.inputs[1])?.map((axis) => positiveAxis(axis, x.shape)) ?? [
      ...x.shape.keys(),
    ];
    const kept = reducedShape(x.shape, axes, true);
    return rule(reshape(dy, kept), x, reshape(y, kept), axes);
  });
}

/** Of `alpha a b`, either factor transposed at will. */
function productRule(product: typeof gemm, node: Node, dy: Value): [Value, Value] {
  const [a, b] = [given(node.inputs[0]), given(node.inputs[1])];
  const transposeA = integerOf(node, 'transA', 0) === 1;
  const transposeB = integerOf(node, 'transB', 0) === 1;
  const alpha = floatOf(node, 'alpha', 1);
  return [
    transposeA
      ? product(b, dy, { transposeA: transposeB, transposeB: true, alpha })
      : product(dy, b, { transposeB: !transposeB, alpha }),
    transposeB
      ? product(dy, a, { transposeA: true, transposeB: transposeA, alpha })
      : product(a, dy, { transposeA: !transposeA, alpha }),
  ];
}

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

/** The order of axes that takes another one back. */
function inverse(order: readonly number[]): number[] {
  return order.map((_, axis) => order.indexOf(axis));
}

/** The order of axes that brings `count` axes from `from` on to the front. */
function toFront(rank: number, from: number, count: number): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return [...axes.slice(from, from + count), ...axes.slice(0, from), ...axes.slice(from + count)];
}
