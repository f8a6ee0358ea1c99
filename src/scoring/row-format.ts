import path from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { TandemError } from '../errors.ts';
import { FileCell } from '../modalities/file-cell.ts';

/** A cell of the output. A list becomes one text where the format has no lists. */
export type OutputCell = unknown;

export interface FormatOptions {
  /** Between the items of an added list in a cell of text. */
  separator: string;
  /** Puts an apostrophe before what a spreadsheet would take for a formula. */
  escapeFormulas: boolean;
}

/** A row that is written: the cells that it came with, and those that are added. */
export interface OutputRow {
  values: ReadonlyMap<string, unknown>;
  added: ReadonlyMap<string, OutputCell>;
}

/** How rows become text. */
export interface RowFormat {
  /** What stands above the rows. */
  header(columns: readonly string[]): string;
  rows(columns: readonly string[], rows: readonly OutputRow[]): string;
}

type MakeFormat = (options: FormatOptions) => RowFormat;

const formats: Readonly<Record<string, MakeFormat>> = {
  '.csv': (options) => delimited(',', options),
  '.tsv': (options) => delimited('\t', options),
  '.jsonl': jsonLines,
  '.ndjson': jsonLines,
};

/** How the names of outputs end. */
const extensions = Object.keys(formats);

/**
 * The format of an output, by how its name ends.
 * @throws TandemError `invalid-request` where it ends in no known way
 * @example formatFor('scored.csv', { separator: '|', escapeFormulas: false }).header(['id', 'label']) // 'id,label\n'
 */
export function formatFor(name: string, options: FormatOptions): RowFormat {
  const make = formats[path.extname(name).toLowerCase()];
  if (make) return make(options);
  throw new TandemError('invalid-request', `out: ${JSON.stringify(name)} does not say in which format`, {
    fix: `Let its name end in ${extensions.join(', ')}.`,
  });
}

/** CSV (RFC 4180, with line feeds), and its sibling with tabs. */
function delimited(delimiter: string, { separator, escapeFormulas }: FormatOptions): RowFormat {
  const write = (records: string[][]) =>
    stringify(records, { delimiter, record_delimiter: '\n', escape_formulas: escapeFormulas });
  return {
    header: (columns) => write([[...columns]]),
    rows: (columns, rows) =>
      write(
        rows.map(({ values, added }) =>
          columns.map((column) => {
            const cell = added.get(column);
            if (cell === undefined) return cellText(values.get(column));
            return Array.isArray(cell) ? cell.join(separator) : cellText(cell);
          }),
        ),
      ),
  };
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (value instanceof FileCell) return value.name ?? '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** An object a line, with the fields that the row has. */
function jsonLines(): RowFormat {
  return {
    header: () => '',
    rows: (_, rows) =>
      rows
        .map(({ values, added }) => `${JSON.stringify(Object.fromEntries([...values, ...added]))}\n`)
        .join(''),
  };
}
