import { required } from '../../indexing.ts';
import type { InlineFiles } from '../../modalities/modality.ts';
import { hasControlCharacters, quote } from '../../quote.ts';
import { filesIn } from './file-list.ts';
import type { Findings } from './findings.ts';
import type { DatasetReading } from './reading.ts';
import { tableFormatOf } from './table-formats.ts';
import { type ReadRow, type TableRow, tableLimits } from './table-row.ts';
import { TextProblem } from './text-encoding.ts';

/** The names that the hub's imagefolder convention looks for, beside the images. */
export const metadataFileNames = ['metadata.csv', 'metadata.jsonl'];

/** What of a table is kept: what stands in other columns is not. */
export interface KeptColumns {
  columns: readonly string[];
  /** Those that name files, whose values may be the files themselves. */
  files: ReadonlyMap<string, InlineFiles>;
  /** Whether each file of a list is kept; else the first. */
  isEach?: boolean;
}

export interface MetadataFile {
  path: string;
  /** How problems call the file. */
  name: string;
  /**
   * Told once what columns there are: of JSON, those of the first rows.
   * @returns what is kept; undefined where nothing can be read
   */
  choose(columns: readonly string[]): KeptColumns | undefined;
}

type TableReading = Pick<DatasetReading, 'inlineFolder' | 'size' | 'findings'>;

export interface MetadataTable {
  columns: string[];
  /** Files that stood in the table lie in the folder by now: such a value is a `FoundFile`. */
  rows: TableRow[];
}

/**
 * Reads a table piece by piece. Rows that cannot be read become problems, the others are returned.
 * @returns undefined where problems leave no row
 * @example const { columns, rows } = await readMetadataFile(reading, { path, name: 'metadata.csv', choose: () => ({ columns: ['text'], files: new Map() }) });
 */
export async function readMetadataFile(
  reading: TableReading,
  { path, name, choose }: MetadataFile,
): Promise<MetadataTable | undefined> {
  const { size, findings } = reading;
  const before = findings.problemCount;
  const columns = new Set<string>();
  const rows: TableRow[] = [];
  let kept: KeptColumns = { columns: [], files: new Map() };
  try {
    const takeColumnsOf = (found: readonly string[]) => {
      const chosen = choose(found);
      if (chosen) kept = chosen;
      return chosen !== undefined;
    };
    let hasHeader = false;
    const onColumns = (header: readonly string[]) => {
      hasHeader = true;
      if (!checkHeader(header, name, findings)) return false;
      for (const column of header) columns.add(column);
      return takeColumnsOf(header);
    };
    const encodings = new Set<string>();
    const onEncoding = (encoding: string) => {
      if (!encodings.has(encoding)) findings.addNotes(`${name}: read as ${encoding}, since it is not UTF-8`);
      encodings.add(encoding);
    };
    const onNote = (note: string) => findings.addNotes(`${name}: ${note}`);
    const source = required(tableFormatOf(name), name).read(path, { onColumns, onEncoding, onNote });
    for await (const read of lookingAhead(source, () => hasHeader, takeColumnsOf)) {
      const at = `${name} row ${read.row}`;
      const row = await checkRow(reading, read, { at, name, ...kept });
      const tooMuch =
        (row && takeColumns(row, columns, kept.columns)) ?? size.add(...textsOf(row, kept.files));
      if (tooMuch !== undefined) {
        findings.addProblem(at, tooMuch);
        return undefined;
      }
      if (row) rows.push(row);
    }
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    findings.addProblem(error.row ? `${name} row ${error.row}` : name, error.message);
    return undefined;
  }
  return rows.length === 0 && findings.problemCount > before ? undefined : { columns: [...columns], rows };
}

/** Rows, and characters of them, that tell which columns a table without a header has. */
const lookedAt = { rows: 100, characters: 2 ** 24 };

/** Rows, whose columns are told before the first is handed on, unless a header says them. */
async function* lookingAhead(
  source: AsyncIterable<ReadRow>,
  hasHeader: () => boolean,
  onColumns: (columns: readonly string[]) => boolean,
): AsyncGenerator<ReadRow> {
  const held: ReadRow[] = [];
  const columns = new Set<string>();
  let [isKnown, characters] = [false, 0];
  const tell = () => {
    isKnown = true;
    return columns.size === 0 || onColumns([...columns]);
  };
  for await (const read of source) {
    if (isKnown || hasHeader()) {
      isKnown = true;
      yield read;
      continue;
    }
    held.push(read);
    if (read.values)
      for (const [column, value] of read.values) {
        if (columns.size <= tableLimits.columns) columns.add(column);
        characters += typeof value === 'string' ? value.length : 1;
      }
    if (held.length < lookedAt.rows && characters < lookedAt.characters) continue;
    if (!tell()) return;
    yield* held.splice(0);
  }
  if (!isKnown && !hasHeader() && tell()) yield* held;
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

function* textsOf(row: TableRow | undefined, files: KeptColumns['files']): Generator<unknown> {
  for (const [column, value] of row?.values ?? [])
    if (files.has(column) && typeof value === 'string') yield value.slice(usualNameLength);
    else if (Array.isArray(value)) yield* value;
    else yield value;
}

/** @returns false where nothing can be read below such a header */
function checkHeader(header: readonly string[], name: string, findings: Findings): boolean {
  if (header.length > tableLimits.columns) {
    findings.addProblem(name, `it has ${header.length} columns; ${tableLimits.columns} are the limit`);
    return false;
  }
  const problem = header
    .values()
    .map((column, index) => problemOfName(column, index + 1))
    .find(Boolean);
  if (problem !== undefined) {
    findings.addProblem(name, problem);
    return false;
  }
  const repeated = header.find((column, index) => header.indexOf(column) < index);
  if (repeated !== undefined) findings.addProblem(name, `the column ${quote(repeated)} stands there twice`);
  return true;
}

async function checkRow(
  { inlineFolder, findings }: TableReading,
  read: ReadRow,
  { at, name, files, isEach }: { at: string; name: string } & Omit<KeptColumns, 'columns'>,
): Promise<TableRow | undefined> {
  if ('problem' in read) {
    if (read.isLast) findings.addProblem(at, read.problem);
    else findings.addRowProblem(at, read.problem);
    return undefined;
  }
  for (const [column, cell] of read.values) {
    const inline = files.get(column);
    const list = inline && filesIn(cell);
    if (list && isEach) {
      const extract = (file: unknown) => (inline.is(file) ? inline.extract(file, inlineFolder) : file);
      read.values.set(column, list.length === 0 ? '' : await Promise.all(list.map(extract)));
      continue;
    }
    if (list && list.length > 1)
      findings.addNotes(
        `${name}: several files in a row of ${quote(column)}: the first is read; --images each reads all`,
      );
    const value = list ? list[0] : cell;
    if (list) read.values.set(column, value);
    if (inline?.is(value)) read.values.set(column, await inline.extract(value, inlineFolder));
    else if (typeof value === 'string' && value.length > tableLimits.value) {
      const detail = `the value of ${quote(column)} has ${value.length} characters; ${tableLimits.value} are the limit`;
      findings.addRowProblem(at, detail);
      return undefined;
    }
  }
  return read;
}
