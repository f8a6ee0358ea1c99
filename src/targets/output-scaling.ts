import type { OutputScaling } from '../arl/serving.ts';
import { itemAt } from '../indexing.ts';
import type { TruthTable } from './truth-table.ts';

/** Mean and standard deviation of each column: what a head for numbers learns is how many deviations from the mean. */
export function fitOutputScaling({ columns, values }: Pick<TruthTable, 'columns' | 'values'>): OutputScaling {
  const rows = values.length / columns;
  const mean = new Float32Array(columns);
  const deviation = new Float32Array(columns);
  for (let column = 0; column < columns; column++) {
    const own = Array.from({ length: rows }, (_, row) => itemAt(values, row * columns + column));
    const centre = own.reduce((sum, value) => sum + value / rows, 0);
    mean[column] = centre;
    deviation[column] = Math.sqrt(own.reduce((sum, value) => sum + (value - centre) ** 2 / rows, 0)) || 1;
  }
  return { mean, deviation };
}

/** The numbers of a table as deviations from the mean. */
export function standardise(truth: TruthTable, { mean, deviation }: OutputScaling): TruthTable {
  const { columns } = truth;
  const values = Float32Array.from(
    truth.values,
    (value, index) => (value - itemAt(mean, index % columns)) / itemAt(deviation, index % columns),
  );
  return { ...truth, values };
}
