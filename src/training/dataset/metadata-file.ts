import { readCsv } from './csv.ts';
import { extractInlinePicture, isInlinePicture } from './inline-pictures.ts';
import { readJsonLines } from './json-lines.ts';
import type { Problems } from './problems.ts';
import { type ReadRow, type TableRow, tableLimits } from './table-row.ts';
import { TextProblem } from './text-stream.ts';

/** The names that the hub's imagefolder convention looks for, beside the pictures. */
export const metadataFileNames = ['metadata.csv', 'metadata.jsonl'];

export interface MetadataFile {
  path: string;
  /** How problems call the file. */
  name: string;
  /** The column whose values may be pictures themselves, and the folder to put these in. */
  imageColumn: string;
  inlineFolder?: string;
  /** The columns that are asked for: what stands in others is not kept. */
  kept: readonly string[];
}

export interface MetadataTable {
  columns: string[];
  /** Pictures that stood in the table are files by now: such a value is an `InlinePicture`. */
  rows: TableRow[];
}

/**
 * Reads a CSV or JSONL file piece by piece. Rows that cannot be read become problems, the others are returned.
 * @returns undefined where problems leave no row
 * @example const { columns, rows } = await readMetadataFile({ path, name: 'metadata.csv', imageColumn: 'file_name', kept: ['file_name', 'text'] }, problems);
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
      if (rows.length === tableLimits.rows) {
        problems.add(at, `there are more than ${tableLimits.rows} rows; split it into several datasets`);
        return undefined;
      }
      const row = await checkRow(read, at, file, problems);
      if (!row) continue;
      rows.push(row);
      for (const column of row.values.keys()) {
        columns.add(column);
        if (!file.kept.includes(column)) row.values.delete(column);
      }
      if (columns.size > tableLimits.columns) {
        problems.add(at, `there are more than ${tableLimits.columns} columns; reading stopped there`);
        return undefined;
      }
    }
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    problems.add(error.row ? `${name} row ${error.row}` : name, error.message);
    return undefined;
  }
  return rows.length === 0 && problems.count > before ? undefined : { columns: [...columns], rows };
}

function addHeader(header: string[], columns: Set<string>, name: string, problems: Problems): boolean {
  if (header.length > tableLimits.columns) {
    problems.add(name, `it has ${header.length} columns; ${tableLimits.columns} are the limit`);
    return false;
  }
  const repeated = header.find((column, index) => header.indexOf(column) < index);
  if (repeated !== undefined) problems.add(name, `the column ${JSON.stringify(repeated)} stands there twice`);
  for (const column of header) columns.add(column);
  return true;
}

async function checkRow(
  read: ReadRow,
  at: string,
  { imageColumn, inlineFolder }: MetadataFile,
  problems: Problems,
): Promise<TableRow | undefined> {
  if ('problem' in read) {
    problems.add(at, read.problem);
    return undefined;
  }
  for (const [column, value] of read.values) {
    if (column === imageColumn && isInlinePicture(value))
      read.values.set(column, await extractInlinePicture(value, inlineFolder));
    else if (typeof value === 'string' && value.length > tableLimits.value) {
      const detail = `the value of ${JSON.stringify(column)} has ${value.length} characters; ${tableLimits.value} are the limit`;
      problems.add(at, detail);
      return undefined;
    }
  }
  return read;
}
