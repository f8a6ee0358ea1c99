import { itemAt } from '../indexing.ts';
import type { TargetKind } from './target-kind.ts';

/** The truths of the rows of a table, as numbers. */
export interface TruthTable {
  target: TargetKind;
  /** Numbers of each row. */
  columns: number;
  /**
   * Row-major: the index of the row's label; or 1 and 0 for each label; or the numbers themselves, as exact as they were
   * written.
   */
  values: Int32Array | Float32Array | Float64Array;
}

/** The truths of some rows, in the order given. */
export function selectTruths({ target, columns, values }: TruthTable, rows: ArrayLike<number>): TruthTable {
  const selected = emptyLike(values, rows.length * columns);
  for (let index = 0; index < rows.length; index++) {
    const from = itemAt(rows, index) * columns;
    selected.set(values.subarray(from, from + columns), index * columns);
  }
  return { target, columns, values: selected };
}

/** The numbers of a row, not copied. */
export function truthAt({ columns, values }: TruthTable, row: number): ArrayLike<number> {
  return values.subarray(row * columns, (row + 1) * columns);
}

function emptyLike(values: TruthTable['values'], length: number): TruthTable['values'] {
  if (values instanceof Int32Array) return new Int32Array(length);
  return values instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
}
