import { adapterInput } from '../arl/tail.ts';
import type { Weight } from '../graph/import/imported-model.ts';
import { add } from '../graph/operations/elementwise.ts';
import { thinProduct } from '../graph/operations/linear.ts';
import { constant, type Shape, type Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';

/** How the weights of a tail are trained. */
export interface WeightUpdate {
  /** The learning rate that suits its parameters. */
  readonly learningRate: number;
  /** The parameters that a weight is trained by, by their names; none where it stays as it is. */
  parameterShapes(weight: Weight): Readonly<Record<string, Shape>>;
  /**
   * What the weight has become; of constants, a constant, computed here, so that a head holds it once.
   * @param parameter of the weight, by its name
   */
  apply(weight: Weight, parameter: (name: string) => Value): Value;
}

/** Every weight moves by a parameter of its own shape. Devlin et al. 2019 tune BERT at 2e-5 to 5e-5. */
export const everyWeight: WeightUpdate = {
  learningRate: 5e-5,
  parameterShapes: ({ name, shape }) => ({ [name]: shape }),
  apply: ({ name, shape, initial }, parameter) => moved(constant(initial, shape), parameter(name)),
};

const products = new Set(['MatMul', 'Gemm', 'FusedMatMul', 'Attention']);
/** α / r of the paper. */
const strength = 2;

/**
 * Adapters of low rank (Hu et al. 2022) on the matrix of every linear layer, as Dettmers et al. 2023 find best: it moves by
 * `2 A B`, with A [inputs, rank] random and B [rank, outputs] zero at the start; all else stays as it is.
 * @example lowRank(8).parameterShapes(weight) // { 'w.down': [384, 8], 'w.up': [8, 1536] }
 */
export function lowRank(rank: number): WeightUpdate {
  const isAdapted = ({ shape, node }: Weight) => shape.length === 2 && products.has(node.opType);
  const namesOf = ({ name }: Weight) => ({ down: `${name}${adapterInput}`, up: `${name}.up` });
  return {
    learningRate: 3e-4,
    parameterShapes(weight) {
      if (!isAdapted(weight)) return {};
      const { down, up } = namesOf(weight);
      const [rows, columns] = [itemAt(weight.shape, 0), itemAt(weight.shape, 1)];
      const own = Math.min(rank, rows, columns);
      return { [down]: [rows, own], [up]: [own, columns] };
    },
    apply(weight, parameter) {
      const whole = constant(weight.initial, weight.shape);
      if (!isAdapted(weight)) return whole;
      const { down, up } = namesOf(weight);
      return moved(whole, product(parameter(down), parameter(up)));
    },
  };
}

function moved(initial: ReturnType<typeof constant>, by: Value): Value {
  if (by.kind !== 'constant') return add(initial, by);
  const [from, distance] = [initial.data as Float32Array, by.data as Float32Array];
  return constant(
    from.map((value, index) => value + (distance[index] ?? Number.NaN)),
    initial.shape,
  );
}

/** `2 A B`. */
function product(down: Value, up: Value): Value {
  if (down.kind !== 'constant' || up.kind !== 'constant') return thinProduct(down, up, strength);
  const [rows, rank, columns] = [itemAt(down.shape, 0), itemAt(down.shape, 1), itemAt(up.shape, 1)];
  const [a, b] = [down.data as Float32Array, up.data as Float32Array];
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < rank; k++) {
      const factor = strength * (a[row * rank + k] ?? Number.NaN);
      for (let column = 0; column < columns; column++)
        result[row * columns + column] =
          (result[row * columns + column] ?? 0) + factor * (b[k * columns + column] ?? Number.NaN);
    }
  return constant(result, [rows, columns]);
}
