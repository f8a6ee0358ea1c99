import { concat, split } from '../graph/operations/layout.ts';
import { elementCount } from '../graph/shape.ts';
import { type Input, input, type Shape, type Value } from '../graph/value.ts';
import { type HeadArchitecture, parameterShapes } from './architecture.ts';
import type { Parameters } from './parameters.ts';

/**
 * A tensor that a training step trains. Large matrices are kept as blocks of rows, so that the optimizer's dozen passes
 * over a block find it in the processor's cache; all vectors are kept end to end in one, because those passes cost the
 * same on ten numbers as on a thousand.
 */
interface TrainedTensor {
  name: string;
  shape: Shape;
  /** Which elements of which parameters it holds, in order. */
  slices: { parameter: string; offset: number; length: number }[];
}

/** How a head's parameters are laid out while it trains. */
export class ParameterLayout {
  readonly #shapes: [name: string, shape: Shape][];
  readonly #tensors: TrainedTensor[];

  /** @param blockElements elements of a block of rows, about; Infinity keeps every matrix whole */
  constructor(architecture: HeadArchitecture, blockElements = Number.POSITIVE_INFINITY) {
    this.#shapes = Object.entries(parameterShapes(architecture));
    const matrices = this.#shapes.filter(([, shape]) => shape.length > 1);
    const vectors = this.#shapes.filter(([, shape]) => shape.length === 1);
    const slices = vectors.map(([parameter, shape]) => ({
      parameter,
      offset: 0,
      length: elementCount(shape),
    }));
    const total = slices.reduce((sum, { length }) => sum + length, 0);
    this.#tensors = [
      ...matrices.flatMap(([name, shape]) => rowBlocks(name, shape, blockElements)),
      { name: 'vectors', shape: [total], slices },
    ];
  }

  /** What the step trains, and the parameters that it is made of, by their own names. */
  inputs(): { trained: Input[]; parameters: Parameters } {
    const trained = this.#tensors.map(({ name, shape }) => input(name, shape));
    const pieces = new Map<string, Value[]>();
    for (const [index, { slices }] of this.#tensors.entries()) {
      const parts = split(
        trained[index],
        slices.length > 1 ? slices.map(({ length }) => length) : [trained[index].shape[0]],
        0,
      );
      for (const [place, { parameter }] of slices.entries())
        pieces.set(parameter, [...(pieces.get(parameter) ?? []), parts[place]]);
    }
    const parameters = this.#shapes.map(([name]) => [name, concat(pieces.get(name)!, 0)] as const);
    return { trained, parameters: Object.fromEntries(parameters) };
  }

  /** For every element of a trained tensor that holds several parameters, the name of the one that it belongs to. */
  owners(name: string): string[] {
    const { slices } = this.#tensors.find((tensor) => tensor.name === name)!;
    return slices.flatMap(({ parameter, length }) => Array<string>(length).fill(parameter));
  }

  /** Parameter values as the step takes them. */
  pack(values: Parameters<Float32Array>): Record<string, Float32Array> {
    const entries = this.#tensors.map(({ name, shape, slices }) => {
      const packed = new Float32Array(elementCount(shape));
      let place = 0;
      for (const { parameter, offset, length } of slices) {
        packed.set(values[parameter].subarray(offset, offset + length), place);
        place += length;
      }
      return [name, packed] as const;
    });
    return Object.fromEntries(entries);
  }

  /** The opposite: parameter values by their own names. */
  unpack(packed: (name: string) => Float32Array): Parameters<Float32Array> {
    const values = Object.fromEntries(
      this.#shapes.map(([name, shape]) => [name, new Float32Array(elementCount(shape))]),
    );
    for (const { name, slices } of this.#tensors) {
      let place = 0;
      for (const { parameter, offset, length } of slices) {
        values[parameter].set(packed(name).subarray(place, place + length), offset);
        place += length;
      }
    }
    return values;
  }
}

function rowBlocks(name: string, shape: Shape, blockElements: number): TrainedTensor[] {
  const [rows, columns] = shape;
  const count = Math.max(1, Math.round((rows * columns) / blockElements));
  const height = Math.ceil(rows / count);
  return Array.from({ length: Math.ceil(rows / height) }, (_, block) => {
    const first = block * height;
    const own = Math.min(height, rows - first);
    return {
      name: count === 1 ? name : `${name}.rows.${first}`,
      shape: [own, columns],
      slices: [{ parameter: name, offset: first * columns, length: own * columns }],
    };
  });
}
