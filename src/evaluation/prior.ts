import type { Truth } from './answers.ts';

/**
 * What is said of an example about which nothing is known: how often each class, or each label, is among the examples to
 * train on, or the mean of their numbers.
 * @param classes of one label
 * @example priorOf({ labels: Int32Array.of(0, 0, 1) }, [0, 1, 2], 2) // [0.67, 0.33]
 */
export function priorOf({ labels, targets }: Truth, rows: readonly number[], classes: number): Float64Array {
  const prior = new Float64Array(targets?.columns ?? classes);
  for (const row of rows) {
    if (!targets) prior[labels[row]] += 1 / rows.length;
    else
      for (let column = 0; column < targets.columns; column++)
        prior[column] += targets.values[row * targets.columns + column] / rows.length;
  }
  return prior;
}
