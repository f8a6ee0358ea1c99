import type { FeatureTable } from '../features/feature-table.ts';

/** How much each example counts, or each number of its truth: row-major, so many columns to a row. */
export interface ExampleWeights {
  columns: number;
  values: Float32Array;
}

/**
 * Weights under which every label counts the same in all, 1 on average (King and Zeng 2001). Of one label: examples /
 * (labels × examples of its label). Of several, label by label: those that bear it count as much in all as those that
 * lack it.
 * @example balancedWeights({ labels: [0, 0, 0, 1] }).values; // [2/3, 2/3, 2/3, 2]
 */
export function balancedWeights({
  labels,
  targets,
}: Pick<FeatureTable, 'targets'> & { labels: ArrayLike<number> }): ExampleWeights {
  if (targets) return balancedCells(targets);
  const counts = new Map<number, number>();
  for (let row = 0; row < labels.length; row++) counts.set(labels[row], (counts.get(labels[row]) ?? 0) + 1);
  return {
    columns: 1,
    values: Float32Array.from(labels, (label) => labels.length / (counts.size * counts.get(label)!)),
  };
}

function balancedCells({ columns, values }: NonNullable<FeatureTable['targets']>): ExampleWeights {
  const rows = values.length / columns;
  const bearers = new Float64Array(columns);
  for (const [index, value] of values.entries()) bearers[index % columns] += Number(value > 0.5);
  return {
    columns,
    values: Float32Array.from(values, (value, index) => {
      const bearing = bearers[index % columns];
      return rows / (2 * (value > 0.5 ? bearing : rows - bearing));
    }),
  };
}
