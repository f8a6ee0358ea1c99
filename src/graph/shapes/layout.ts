import { itemAt } from '../../indexing.ts';
import { positiveAxis, sameShape, withAxis } from '../shape.ts';
import { type Call, integerOf, type ShapeRules } from './rule.ts';

/** The same elements elsewhere, and parts of them. */
export const layoutRules: ShapeRules = {
  Concat: {
    inputs: Array.from({ length: 16 }, (_, index) => index + 1),
    rule({ node, inputs, shapeOf }) {
      const first = shapeOf(0);
      const axis = axisOf(node, first, 0n);
      for (const other of inputs)
        if (!sameShape(withAxis(other, axis, 0), withAxis(first, axis, 0)))
          throw new Error(`[${first}] and [${other}] cannot be joined along axis ${axis}`);
      return {
        shape: withAxis(
          first,
          axis,
          inputs.reduce((sum, shape) => sum + itemAt(shape, axis), 0),
        ),
      };
    },
  },
  Gather: {
    inputs: [2],
    rule({ node, shapeOf }) {
      const [x, indices] = [shapeOf(0), shapeOf(1)];
      const axis = axisOf(node, x, 0n);
      return { shape: [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)] };
    },
  },
  Slice: {
    inputs: [3, 4, 5],
    rule({ inputs, shapeOf, integersOf }) {
      const x = shapeOf(0);
      const [starts, ends] = [integersOf(1), integersOf(2)];
      const axes = inputs.length > 3 ? integersOf(3) : [...starts.keys()];
      if (inputs.length > 4 && integersOf(4).some((step) => step !== 1))
        throw new Error('it takes other steps than 1');
      const shape = [...x];
      for (const [index, axis] of axes.entries()) {
        const at = positiveAxis(axis, x);
        const size = itemAt(x, at);
        const bound = (value: number) => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
        shape[at] = bound(itemAt(ends, index)) - bound(itemAt(starts, index));
      }
      if (shape.some((size) => size < 1)) throw new Error(`nothing is left of [${x}]`);
      return { shape };
    },
  },
};

function axisOf(node: Call['node'], x: readonly number[], byDefault: bigint): number {
  const axis = positiveAxis(Number(integerOf(node, 'axis') ?? byDefault), x);
  if (axis < 0 || axis >= x.length) throw new Error(`[${x}] has no axis ${axis}`);
  return axis;
}
