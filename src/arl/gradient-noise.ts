import { add, atLeast, multiply, scale, sqrt, subtract } from '../graph/operations/elementwise.ts';
import { gather, reshape } from '../graph/operations/layout.ts';
import { sum, sumOfSquares } from '../graph/operations/reduction.ts';
import { elementCount } from '../graph/shape.ts';
import { apply, type Constant, type Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';

/**
 * The generalization enhancement of OGM-GE: a gradient with Gaussian noise of its own standard deviation on it.
 * The noise comes from outside, as dropout masks do: the rows of a bank of normal numbers, from a random row on.
 * @param bank [rows, columns] of standard normal numbers; the gradient's last axis has as many columns
 * @param offset int32 scalar: the row to begin with, another one in each step
 */
export function withNoise(gradient: Value, bank: Value, offset: Value): Value {
  const count = elementCount(gradient.shape);
  const [bankRows, columns] = [itemAt(bank.shape, 0), itemAt(bank.shape, 1)];
  const rows = count / columns;
  const order = apply(
    'Mod',
    [add(offset, int32(Int32Array.from({ length: rows }, (_, row) => row))), int32(bankRows)],
    { shape: [rows] },
  );
  const noise = reshape(gather(bank, order), gradient.shape);
  const meanSquare = scale(sumOfSquares(gradient), 1 / count);
  const mean = scale(sum(gradient), 1 / count);
  // Rounding may leave less than nothing where all of it is alike.
  const variance = atLeast(subtract(meanSquare, multiply(mean, mean)), 0);
  return add(gradient, multiply(noise, sqrt(variance)));
}

function int32(values: number | Int32Array): Constant {
  return typeof values === 'number'
    ? { kind: 'constant', type: 'int32', shape: [], data: Int32Array.of(values) }
    : { kind: 'constant', type: 'int32', shape: [values.length], data: values };
}
