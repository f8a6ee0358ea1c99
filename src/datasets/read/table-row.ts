/** A row of a table. */
export interface TableRow {
  /** Line of the file where the row begins, the first line being 1. */
  row: number;
  values: Map<string, unknown>;
}

/** One row of a table, or what is wrong with it in words. */
export type ReadRow =
  | TableRow
  | {
      row: number;
      problem: string;
      /** Its cells, as far as they are known. */
      values?: Map<string, unknown>;
      /** Whether nothing after it can be read. */
      isLast?: boolean;
    };

/** What no table of examples needs and only a broken or hostile one has. */
export const tableLimits = {
  columns: 1000,
  rows: 2_000_000,
  /** Characters of a column's name. */
  columnName: 200,
  /** Characters of one value that is no image. */
  value: 100_000,
  /** Bytes of all texts and labels together. */
  text: 256 * 2 ** 20,
  /** Characters of one row, images in it included. A quote that is never closed makes one row of the rest. */
  row: 48 * 2 ** 20,
};
