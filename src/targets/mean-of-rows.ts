import { itemAt } from '../indexing.ts';
import { type TruthTable, truthAt } from './truth-table.ts';

/** The mean of each column over some rows of a table. */
export function meanOfRows(truth: TruthTable, rows: readonly number[]): Float64Array {
  const mean = new Float64Array(truth.columns);
  for (const row of rows) {
    const own = truthAt(truth, row);
    for (const [column, value] of mean.entries()) mean[column] = value + itemAt(own, column) / rows.length;
  }
  return mean;
}
