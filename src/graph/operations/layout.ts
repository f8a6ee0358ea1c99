import { itemAt } from '../../indexing.ts';
import { elementCount, positiveAxis, sameShape, withAxis } from '../shape.ts';
import { apply, applyMany, constant, dynamic, integers, type Shape, type Value } from '../value.ts';

/** The same elements in another shape. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (!x.shape.includes(dynamic) && !shape.includes(dynamic) && elementCount(x.shape) !== elementCount(shape))
    throw new Error(`cannot reshape [${x.shape}] to [${shape}]`);
  return apply('Reshape', [x, integers(shape)], { shape });
}

/** Reorders the axes: axis `i` of the result is axis `order[i]` of `x`. */
export function transpose(x: Value, order: readonly number[]): Value {
  return apply('Transpose', [x], {
    shape: order.map((axis) => itemAt(x.shape, axis)),
    attributes: { perm: order },
  });
}

/** Repeats `x` along axes of size 1 until it has the shape. */
export function expand(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  return apply('Expand', [x, integers(shape)], { shape });
}

/** Joins values along an axis. */
export function concat(values: readonly Value[], axis: number): Value {
  const first = itemAt(values, 0);
  const others = values.slice(1);
  if (others.length === 0) return first;
  const total = values.reduce((sum, { shape }) => sum + itemAt(shape, axis), 0);
  return apply('Concat', [first, ...others], {
    shape: withAxis(first.shape, axis, total),
    attributes: { axis },
  });
}

/** Cuts a value into pieces of the given sizes along an axis. */
export function split(x: Value, sizes: readonly number[], axis: number): Value[] {
  if (sizes.length === 1) return [x];
  return applyMany('Split', [x, integers(sizes)], {
    outputs: sizes.map((size) => ({ type: x.type, shape: withAxis(x.shape, axis, size) })),
    attributes: { axis },
  });
}

/** Rows of `x` at `indices` (int32 or int64, any shape) along the first axis. Rows that repeat add up their gradients. */
export function gather(x: Value, indices: Value): Value {
  const [, ...rowShape] = x.shape;
  return apply('Gather', [x, indices], {
    shape: [...indices.shape, ...rowShape],
    attributes: { axis: 0 },
  });
}

/** One slice along an axis, without that axis. */
export function at(x: Value, index: number, axis = 0): Value {
  const from = positiveAxis(axis, x.shape);
  const sizes = [index, 1, itemAt(x.shape, from) - index - 1].filter((size) => size > 0);
  return reshape(
    itemAt(split(x, sizes, from), index > 0 ? 1 : 0),
    x.shape.filter((_, other) => other !== from),
  );
}

/**
 * The part of `x` between two corners: from `starts` on and up to `ends`, exclusive, along every axis.
 * @example slice(x, [0, 1], [2, 3]) // columns 1 and 2 of the first two rows
 */
export function slice(x: Value, starts: readonly number[], ends: readonly number[]): Value {
  const shape = starts.map((start, axis) => itemAt(ends, axis) - start);
  if (sameShape(x.shape, shape)) return x;
  return apply('Slice', [x, integers(starts), integers(ends)], { shape });
}

/**
 * `x` with that many zeros put before and behind it along every axis.
 * @example pad(x, [0, 1], [0, 1]) // a column of zeros on either side
 */
export function pad(x: Value, before: readonly number[], behind: readonly number[]): Value {
  const shape = x.shape.map((size, axis) => itemAt(before, axis) + size + itemAt(behind, axis));
  if (sameShape(x.shape, shape)) return x;
  return apply('Pad', [x, integers([...before, ...behind])], { shape });
}

/** Zeros, written as one number that is repeated. */
export function zeros(shape: Shape): Value {
  return expand(constant(0), shape);
}
