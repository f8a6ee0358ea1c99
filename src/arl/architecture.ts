import { type Input, input, type Shape } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';
import { type FusionName, fusions } from './fusion.ts';
import type { Parameters } from './parameters.ts';
import { adapterInput, isTailParameter, type Tails, tailShapes } from './tail.ts';
import type { TargetLoss } from './target-loss.ts';

/** Form of the adapters: `mlp` is docs/method.md's `gelu(layerNorm(x A + a))`, `linear` is `x A` alone. */
export type AdapterForm = 'linear' | 'mlp';

/** Everything that decides a head's parameters and its answer. */
export interface HeadArchitecture {
  /** D_m, the length of each modality's feature vector, as its adapter takes it. */
  dimensions: readonly number[];
  /** h, the length of every adapter's output. */
  hidden: number;
  /** C, the number of labels. */
  classes: number;
  adapter: AdapterForm;
  fusion: FusionName;
  /** The blocks of the encoders that are the head's own; none where absent. */
  tails?: Tails;
  /** How its logits are held against the ground truth. */
  target: TargetLoss;
}

/** The shape of every parameter, in a fixed order. */
export function parameterShapes({
  dimensions,
  hidden,
  classes,
  adapter,
  fusion,
  tails,
}: HeadArchitecture): Parameters<Shape> {
  const adapters = dimensions.map((dimension, m) => ({
    [`adapter.${m}.weight`]: [dimension, hidden],
    ...(adapter === 'mlp' && {
      [`adapter.${m}.bias`]: [hidden],
      [`adapter.${m}.norm.weight`]: [hidden],
      [`adapter.${m}.norm.bias`]: [hidden],
    }),
  }));
  const fused = fusions[fusion].parameterShapes(dimensions.length, hidden, classes);
  return Object.assign({}, ...adapters, fused, tailShapes(tails));
}

/** The parameters as inputs of a graph, in the same order. */
export function parameterInputs(architecture: HeadArchitecture): Parameters<Input> {
  const shapes = Object.entries(parameterShapes(architecture));
  return Object.fromEntries(shapes.map(([name, shape]) => [name, input(name, shape)]));
}

/**
 * Starting values: weights uniform in ±1/√inputs (PyTorch's default for linear layers), gains 1, all else 0, a tail's too, but for
 * the first matrices of adapters.
 * @param uniform gives numbers in [0, 1): the caller's seeded generator
 */
export function initialParameters(
  architecture: HeadArchitecture,
  uniform: () => number,
): Parameters<Float32Array> {
  const shapes = Object.entries(parameterShapes(architecture));
  return Object.fromEntries(
    shapes.map(([name, shape]) => {
      const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
      if (isTailParameter(name) && !name.endsWith(adapterInput)) return [name, values];
      if (name.endsWith('norm.weight')) values.fill(1);
      else if (shape.length === 2) {
        const bound = 1 / Math.sqrt(itemAt(shape, 0));
        for (let index = 0; index < values.length; index++) values[index] = (2 * uniform() - 1) * bound;
      }
      return [name, values];
    }),
  );
}
