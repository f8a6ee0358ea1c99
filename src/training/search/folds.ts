import { itemAt } from '../../indexing.ts';
import { Random } from '../../random.ts';

/**
 * Deals rows to folds, label by label, so that every fold holds every label in about the same share.
 * @param groups rows with the same group share a fold: twins on both sides would flatter any model. Every row by itself
 *   where absent.
 * @returns the fold of each row, from 0 up to `count`
 * @example const fold = dealFolds(table.labels, { count: 5, seed: 0 });
 */
export function dealFolds(
  labels: ArrayLike<number>,
  { count, seed, groups }: { count: number; seed: number; groups?: readonly unknown[] },
): Int32Array {
  const random = new Random(seed, 'folds');
  const members = [
    ...Map.groupBy(Array.from(labels).keys(), (row) => groups?.[row] ?? `row ${row}`).values(),
  ];
  const byLabel = Map.groupBy(members, (rows) => itemAt(labels, itemAt(rows, 0)));
  const folds = new Int32Array(labels.length);
  let next = random.nextInteger(count);
  for (const [, alike] of [...byLabel].sort(([a], [b]) => a - b))
    for (const rows of random.shuffle(alike)) {
      for (const row of rows) folds[row] = next;
      next = (next + 1) % count;
    }
  return folds;
}
