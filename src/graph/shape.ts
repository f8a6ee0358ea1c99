import { dynamic, type Shape } from './value.ts';

/** Number of elements. @throws Error where the shape is dynamic. */
export function elementCount(shape: Shape): number {
  if (shape.includes(dynamic)) throw new Error(`the size of [${shape}] is known only at run time`);
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * The shape of an element-wise operation, by NumPy's rule.
 * @throws Error where the shapes don't broadcast.
 * @example broadcast([8, 1], [3]) // [8, 3]
 */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Error(`shapes [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** The axis counted from the front. */
export function positiveAxis(axis: number, shape: Shape): number {
  return axis < 0 ? axis + shape.length : axis;
}

/** The shape with one axis resized, and all others kept. */
export function withAxis(shape: Shape, axis: number, size: number): Shape {
  return shape.map((other, index) => (index === axis ? size : other));
}

/** The shape left by a reduction over the axes. */
export function reducedShape(shape: Shape, axes: readonly number[], keepAxes: boolean): Shape {
  return shape.flatMap((size, axis) => (axes.includes(axis) ? (keepAxes ? [1] : []) : [size]));
}
