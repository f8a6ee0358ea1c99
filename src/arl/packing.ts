import { reshape, split } from '../graph/operations/layout.ts';
import { elementCount } from '../graph/shape.ts';
import { type Input, input, type Shape } from '../graph/value.ts';
import { itemAt, required } from '../indexing.ts';
import { type HeadArchitecture, parameterShapes } from './architecture.ts';
import { type Parameters, parameterOf } from './parameters.ts';

/** A tensor that a training step trains, and the parameters that it holds end to end. */
interface TrainedTensor {
  name: string;
  contents: readonly { parameter: string; shape: Shape }[];
}

/**
 * How a head's parameters are laid out while it trains: every matrix by itself, and all vectors end to end in one,
 * because an optimizer's passes cost the same on ten numbers as on a thousand. Each is a row [1, n], the form that
 * `addScaled` computes with.
 */
export class ParameterLayout {
  readonly #tensors: TrainedTensor[];

  constructor(architecture: HeadArchitecture) {
    const parameters = Object.entries(parameterShapes(architecture)).map(([parameter, shape]) => ({
      parameter,
      shape,
    }));
    this.#tensors = [
      ...parameters
        .filter(({ shape }) => shape.length > 1)
        .map((matrix) => ({ name: matrix.parameter, contents: [matrix] })),
      { name: 'vectors', contents: parameters.filter(({ shape }) => shape.length === 1) },
    ];
  }

  /** What the step trains, and the parameters that it is made of, by their own names. */
  inputs(): { trained: Input[]; parameters: Parameters } {
    const tensors = this.#tensors.map(({ name, contents }) => ({
      tensor: input(name, [1, lengthOf(contents)]),
      contents,
    }));
    const parameters = tensors.flatMap(({ tensor, contents }) => {
      const sizes = contents.map(({ shape }) => elementCount(shape));
      const parts = split(tensor, sizes, 1);
      return contents.map(
        ({ parameter, shape }, place) => [parameter, reshape(itemAt(parts, place), shape)] as const,
      );
    });
    return { trained: tensors.map(({ tensor }) => tensor), parameters: Object.fromEntries(parameters) };
  }

  /** The parameters that a trained tensor holds, in order, with how many elements it holds of each. */
  contents(name: string): { parameter: string; length: number }[] {
    const tensor = this.#tensors.find((tensor) => tensor.name === name);
    return required(tensor, `the tensor ${name}`).contents.map(({ parameter, shape }) => ({
      parameter,
      length: elementCount(shape),
    }));
  }

  /** Parameter values as the step takes them. */
  pack(values: Parameters<Float32Array>): Record<string, Float32Array> {
    const entries = this.#tensors.map(({ name, contents }) => {
      const packed = new Float32Array(lengthOf(contents));
      let place = 0;
      for (const { parameter } of contents) {
        const own = parameterOf(values, parameter);
        packed.set(own, place);
        place += own.length;
      }
      return [name, packed] as const;
    });
    return Object.fromEntries(entries);
  }

  /** The opposite: parameter values by their own names. */
  unpack(packed: (name: string) => Float32Array): Parameters<Float32Array> {
    const entries = this.#tensors.flatMap(({ name, contents }) => {
      let place = 0;
      return contents.map(({ parameter, shape }) => {
        const first = place;
        place += elementCount(shape);
        return [parameter, packed(name).slice(first, place)] as const;
      });
    });
    return Object.fromEntries(entries);
  }
}

function lengthOf(contents: TrainedTensor['contents']): number {
  return contents.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
