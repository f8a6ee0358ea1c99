import { columnsOf } from '../../modalities/content-columns.ts';
import { pretrainedModalities } from '../../modalities/registry.ts';
import type { ReadNames } from '../example.ts';
import type { TableRow } from './table-row.ts';

/** A column of files, and further columns of the same: `image`, and `image_2`, `image_3`. */
export interface SeveralColumns {
  column: string;
  more: readonly string[];
}

/**
 * The columns whose files each become an example, where that is asked for.
 * @param columns what the table has
 * @example severalColumns({ ...names, imageColumn: 'image', images: 'each' }, ['image', 'image_2', 'label']) // [{ column: 'image', more: ['image_2'] }]
 */
export function severalColumns(names: ReadNames, columns: readonly string[]): SeveralColumns[] {
  if (names.images !== 'each') return [];
  return pretrainedModalities.flatMap(({ name, inline }) =>
    (inline ? columnsOf(names, name) : []).map((column) => ({
      column,
      more: columns.filter(
        (other) => other.startsWith(column) && /^[ _-]?\d+$/.test(other.slice(column.length)),
      ),
    })),
  );
}

/** The rows that a row of several files becomes, one a file; the row itself where it has no more than one. */
export function rowsOfFiles(row: TableRow, several: readonly SeveralColumns[]): TableRow[] {
  let rows = [row];
  for (const { column, more } of several) {
    const cells = [column, ...more].flatMap((name) => row.values.get(name) ?? []);
    const files = cells.filter((cell) => cell !== '');
    if (files.length === 0) continue;
    rows = rows.flatMap((each) =>
      files.map((file) => ({ ...each, values: new Map(each.values).set(column, file) })),
    );
  }
  return rows;
}
