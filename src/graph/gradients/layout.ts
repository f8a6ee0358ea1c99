import { expectAttribute, given, integerOf, integersIn, integersOf, unsupported } from '../attributes.ts';
import { cast } from '../operations/elementwise.ts';
import { concat, pad, reshape, slice, split, transpose, zeros } from '../operations/layout.ts';
import { sumTo } from '../operations/reduction.ts';
import { scatterAdd } from '../operations/selection.ts';
import { positiveAxis } from '../shape.ts';
import { apply, type Node } from '../value.ts';
import { blocked, type GradientRule, type GradientRules, indexed, unary } from './rule.ts';

const sameElements: GradientRule = unary((dy, x) => reshape(dy, x.shape));

/** The same elements elsewhere; by their index those that are taken several times add up their gradients. */
export const layoutRules: GradientRules = {
  Reshape: sameElements,
  Flatten: sameElements,
  Squeeze: sameElements,
  Unsqueeze: sameElements,
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
  // What was cut off comes back as zeros, and what was put around it is cut off.
  Slice: unary((dy, x, y, node) => {
    const before = startsOf(node);
    return pad(
      dy,
      before,
      x.shape.map((size, axis) => size - given(y.shape[axis]) - given(before[axis])),
    );
  }),
  Pad: unary((dy, x, _, node) => {
    expectAttribute(node, 'mode', 'constant');
    if (node.inputs[3]) throw unsupported(node, 'axes');
    const before = given(integersIn(node.inputs[1])).slice(0, x.shape.length);
    return slice(
      dy,
      before,
      x.shape.map((size, axis) => size + given(before[axis])),
    );
  }),

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

  Shape: blocked,
  ArgMax: blocked,
};

/** Where a slice begins along every axis. */
function startsOf(node: Node): number[] {
  const [x, starts, , axes, steps] = node.inputs;
  const { shape } = given(x);
  const chosen = given(integersIn(starts));
  if (integersIn(steps)?.some((step) => step !== 1)) throw unsupported(node, 'other steps than 1');
  const sliced = integersIn(axes)?.map((axis) => positiveAxis(axis, shape)) ?? [...chosen.keys()];
  return shape.map((size, axis) => {
    const start = chosen[sliced.indexOf(axis)] ?? 0;
    return Math.min(Math.max(start < 0 ? start + size : start, 0), size);
  });
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
