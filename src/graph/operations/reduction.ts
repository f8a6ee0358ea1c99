import { itemAt } from '../../indexing.ts';
import { elementCount, positiveAxis, reducedShape, sameShape } from '../shape.ts';
import { apply, constant, integers, type Shape, type Value } from '../value.ts';
import { absolute, multiply } from './elementwise.ts';
import { reshape } from './layout.ts';
import { gemm } from './linear.ts';

interface ReductionOptions {
  /** Keeps the reduced axes, with size 1. */
  keepAxes?: boolean;
}

/** Sum over the axes (all of them where none are named). */
export function sum(
  x: Value,
  axes: readonly number[] = allAxes(x),
  { keepAxes = false }: ReductionOptions = {},
): Value {
  return reduce('ReduceSum', x, axes, keepAxes);
}

/** Mean over the axes. */
export function mean(x: Value, axes: readonly number[], { keepAxes = false }: ReductionOptions = {}): Value {
  return reduce('ReduceMean', x, axes, keepAxes);
}

/** Sum of the absolute values. */
export function sumOfAbsolutes(
  x: Value,
  axes: readonly number[] = allAxes(x),
  { keepAxes = false }: ReductionOptions = {},
): Value {
  return reduce('ReduceL1', x, axes, keepAxes);
}

/** Sum of the squares. */
export function sumOfSquares(
  x: Value,
  axes: readonly number[] = allAxes(x),
  { keepAxes = false }: ReductionOptions = {},
): Value {
  return reduce('ReduceSumSquare', x, axes, keepAxes);
}

/**
 * Sum of `a * b` over everything, as the product of two rows, one transposed: no product of elements is stored, and
 * ONNX Runtime is several times faster at it than at a row times a column.
 * @returns a scalar
 */
export function dot(a: Value, b: Value): Value {
  const count = elementCount(a.shape);
  return reshape(gemm(reshape(a, [1, count]), reshape(b, [1, count]), { transposeB: true }), []);
}

/**
 * The gradient of broadcasting: sums `x` down to the shape.
 * Rows are summed by a product with a row of ones: ONNX Runtime's ReduceSum over the first axis is several times slower.
 */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = allAxes(x).filter((axis) => axis < lead || (shape[axis - lead] === 1 && x.shape[axis] !== 1));
  const columns = itemAt(x.shape, -1);
  if (shape.length === 1 && axes.length === x.shape.length - 1 && shape[0] === columns) {
    const rows = elementCount(x.shape) / columns;
    return reshape(
      gemm(constant(new Float32Array(rows).fill(1), [1, rows]), reshape(x, [rows, columns])),
      shape,
    );
  }
  return reshape(sum(x, axes), shape);
}

function reduce(operator: string, x: Value, axes: readonly number[], keepAxes: boolean): Value {
  const positive = axes.map((axis) => positiveAxis(axis, x.shape));
  if (positive.length === 0)
    return operator === 'ReduceL1' ? absolute(x) : operator === 'ReduceSumSquare' ? multiply(x, x) : x;
  return apply(operator, [x, integers(positive)], {
    shape: reducedShape(x.shape, positive, keepAxes),
    attributes: { keepdims: keepAxes ? 1 : 0 },
  });
}

function allAxes(x: Value): number[] {
  return x.shape.map((_, axis) => axis);
}
