import { itemAt } from '../../indexing.ts';
import { elementCount, sameShape } from '../shape.ts';
import type { Shape } from '../value.ts';
import { integerOf, integersOf, type ShapeRules } from './rule.ts';

/** Of images [batch, channels, height, width]. */
export const convolutionRules: ShapeRules = {
  Conv: {
    inputs: [2, 3],
    rule({ node, shapeOf, inputs: [, , bias] }) {
      const [x, weight] = [shapeOf(0), shapeOf(1)];
      const groups = Number(integerOf(node, 'group') ?? 1n);
      const [batch, channels, ...places] = x;
      const [outputs = 0, own = 0, ...kernel] = weight;
      if (x.length !== 4 || weight.length !== 4 || channels !== own * groups || outputs % groups !== 0)
        throw new Error(`[${x}] cannot be convolved with [${weight}] in ${groups} groups`);
      if (bias && !sameShape(bias, [outputs])) throw new Error(`[${bias}] does not fit ${outputs} channels`);
      const [strides, dilations] = [numbersOf('strides', [1, 1]), numbersOf('dilations', [1, 1])];
      const pads = numbersOf('pads', [0, 0, 0, 0]);
      const sizes = places.map((size, axis) => {
        const covered = itemAt(dilations, axis) * (itemAt(kernel, axis) - 1) + 1;
        const free = size + itemAt(pads, axis) + itemAt(pads, axis + 2) - covered;
        return Math.floor(free / itemAt(strides, axis)) + 1;
      });
      if (sizes.some((size) => !(size >= 1))) throw new Error(`nothing is left of [${x}]`);
      const shape: Shape = [batch ?? 0, outputs, ...sizes];
      return { shape, multiplications: elementCount(shape) * own * elementCount(kernel) };

      function numbersOf(name: string, byDefault: readonly number[]): readonly number[] {
        const numbers = integersOf(node, name) ?? byDefault;
        const least = name === 'pads' ? 0 : 1;
        if (numbers.length !== byDefault.length || numbers.some((number) => number < least))
          throw new Error(`it has ${name} [${numbers}]`);
        return numbers;
      }
    },
  },
  GlobalAveragePool: {
    inputs: [1],
    rule({ shapeOf }) {
      const x = shapeOf(0);
      return { shape: x.map((size, axis) => (axis < 2 ? size : 1)) };
    },
  },
};
