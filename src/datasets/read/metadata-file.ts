import type { InlineFiles } from '../../modalities/modality.ts';
import { hasControlCharacters, quote } from '../../quote.ts';
import { readCsv } from './csv.ts';
import type { DatasetSize } from './dataset-size.ts';
import { readJsonLines } from './json-lines.ts';
import type { Problems } from './problems.ts';
import { type ReadRow, type TableRow, tableLimits } from './table-row.ts';
import { TextProblem } from './text-stream.ts';

/** The names that the hub's imagefolder convention looks for, beside the images. */
export const metadataFileNames = ['metadata.csv', 'metadata.jsonl'];

export interface MetadataFile {
  path: string;
  /** How problems call the file. */
  name: string;
  /** The columns that name files, whose values may be the files themselves, and the folder to put these in. */
  fileColumns: ReadonlyMap<string, InlineFiles>;
  inlineFolder?: string;
  /** The columns that are asked for: what stands in others is not kept. */
  kept: readonly string[];
  /** Counts the rows and their texts. */
  size: DatasetSize;
}

export interface MetadataTable {
  columns: string[];
  /** Files that stood in the table lie in the folder by now: such a value is a `FoundFile`. */
  rows: TableRow[];
}

/**
 * Reads a CSV or JSONL file piece by piece. Rows that cannot be read become problems, the others are returned.
 * @returns undefined where problems leave no row
 * @example const { columns, rows } = await readMetadataFile({ path, name: 'metadata.csv', fileColumns: new Map(), kept: ['file_name', 'text'] }, problems);
 */
export async function readMetadataFile(
  file: MetadataFile,
  problems: Problems,
): Promise<MetadataTable | undefined> {
  const { path, name } = file;
  const before = problems.count;
  const columns = new Set<string>();
  const rows: TableRow[] = [];
  const isCsv = /\.(csv|tsv)$/i.test(name);
  try {
    const source = isCsv
      ? readCsv(path, (header) => addHeader(header, columns, name, problems))
      : readJsonLines(path);
    for await (const read of source) {
      const at = `${name} row ${read.row}`;
      const row = await checkRow(read, at, file, problems);
      const tooMuch =
        (row && takeColumns(row, columns, file.kept)) ?? file.size.add(...textsOf(row, file.fileColumns));
      if (tooMuch !== undefined) {
        problems.add(at, tooMuch);
        return undefined;
      }
      if (row) rows.push(row);
    }
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    problems.add(error.row ? `${name} row ${error.row}` : name, error.message);
    return undefined;
  }
  return rows.length === 0 && problems.count > before ? undefined : { columns: [...columns], rows };
}

/**
 * Notes a row's columns, and keeps the values that are asked for.
 * @returns what is wrong with a column that no earlier row had, in words
 */
function takeColumns(
  { values }: TableRow,
  columns: Set<string>,
  kept: readonly string[],
): string | undefined {
  for (const column of values.keys()) {
    if (!kept.includes(column)) values.delete(column);
    if (columns.has(column)) continue;
    columns.add(column);
    const problem = problemOfName(column, columns.size);
    if (problem !== undefined) return `${problem}; reading stopped there`;
  }
  if (columns.size <= tableLimits.columns) return undefined;
  return `there are more than ${tableLimits.columns} columns; reading stopped there`;
}

/** @param number of the column, from 1 */
function problemOfName(column: string, number: number): string | undefined {
  if (column.length > tableLimits.columnName)
    return `the name of column ${number} has ${column.length} characters; ${tableLimits.columnName} are the limit`;
  return hasControlCharacters(column)
    ? `the name of column ${number}, ${quote(column)}, has control characters in it`
    : undefined;
}

/** What of a row stays in memory. An exported image has a name as long as this, which counts for nothing. */
const usualNameLength = 100;

function* textsOf(row: TableRow | undefined, fileColumns: MetadataFile['fileColumns']): Generator<unknown> {
  for (const [column, value] of row?.values ?? [])
    if (fileColumns.has(column) && typeof value === 'string') yield value.slice(usualNameLength);
    else if (Array.isArray(value)) yield* value;
    else yield value;
}

function addHeader(header: string[], columns: Set<string>, name: string, problems: Problems): boolean {
  if (header.length > tableLimits.columns) {
    problems.add(name, `it has ${header.length} columns; ${tableLimits.columns} are the limit`);
    return false;
  }
  const problem = header
    .values()
    .map((column, index) => problemOfName(column, index + 1))
    .find(Boolean);
  if (problem !== undefined) {
    problems.add(name, problem);
    return false;
  }
  const repeated = header.find((column, index) => header.indexOf(column) < index);
  if (repeated !== undefined) problems.add(name, `the column ${quote(repeated)} stands there twice`);
  for (const column of header) columns.add(column);
  return true;
}

async function checkRow(
  read: ReadRow,
  at: string,
  { fileColumns, inlineFolder }: MetadataFile,
  problems: Problems,
): Promise<TableRow | undefined> {
  if ('problem' in read) {
    problems.add(at, read.problem);
    return undefined;
  }
  for (const [column, value] of read.values) {
    const inline = fileColumns.get(column);
    if (inline?.is(value)) read.values.set(column, await inline.extract(value, inlineFolder));
    else if (typeof value === 'string' && value.length > tableLimits.value) {
      const detail = `the value of ${quote(column)} has ${value.length} characters; ${tableLimits.value} are the limit`;
      problems.add(at, detail);
      return undefined;
    }
  }
  return read;
}
