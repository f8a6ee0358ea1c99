import { extname } from 'node:path';
import { readCsv } from './csv.ts';
import { readJsonArray } from './json-array.ts';
import { type JsonOptions, readJsonLines } from './json-lines.ts';
import { readParquet } from './parquet.ts';
import type { ReadRow } from './table-row.ts';
import { type OnEncoding, TextProblem } from './text-encoding.ts';
import { readText } from './text-stream.ts';
import { readXlsx } from './xlsx.ts';

/** What is told while a table is read. */
export interface TableReadOptions extends JsonOptions {
  onColumns(columns: readonly string[]): boolean;
  onEncoding: OnEncoding;
  /** Told what is no mistake but worth knowing. */
  onNote(note: string): void;
}

/** A kind of file that is a table. */
export interface TableFormat {
  /** What its files' names end with, the usual one first. */
  extensions: readonly [string, ...string[]];
  /** Whether its files are zip archives. */
  isZip?: boolean;
  /**
   * Reads a table row by row.
   * @param onColumns gets a header once, before any row; it answers false to stop there. Formats without one never call it
   * @throws TextProblem where the file cannot be read
   */
  read(path: string, options: TableReadOptions): AsyncGenerator<ReadRow>;
}

export const tableFormats: readonly TableFormat[] = [
  { extensions: ['.csv', '.tsv'], read: (path, options) => readCsv(path, options) },
  { extensions: ['.jsonl', '.ndjson'], read: readJsonLines },
  {
    extensions: ['.json'],
    async *read(path, options) {
      if (await startsWithBrace(path)) yield* refusingColumns(readJsonLines(path, options));
      else yield* readJsonArray(path, options);
    },
  },
  { extensions: ['.parquet'], read: readParquet },
  { extensions: ['.xlsx'], isZip: true, read: readXlsx },
];

/** pandas' `to_json` writes a column after another by default, each an object by the rows' numbers. */
async function* refusingColumns(rows: AsyncGenerator<ReadRow>): AsyncGenerator<ReadRow> {
  for await (const row of rows) {
    const cells = row.row === 1 ? [...(row.values?.values() ?? [])] : [];
    if (cells.length > 0 && cells.every((cell) => typeof cell === 'object' && cell !== null && '0' in cell))
      throw new TextProblem('it has columns instead of rows; write it with orient="records"');
    yield row;
  }
}

/** Some write JSON lines into files that end in `.json`. */
async function startsWithBrace(path: string): Promise<boolean> {
  for await (const text of readText(path, () => {})) {
    const start = text.trimStart();
    if (start !== '') return start.startsWith('{');
  }
  return false;
}

/**
 * The format of a table, by the name of its file.
 * @returns undefined where it is no table
 * @example tableFormatOf('pets.TSV')?.extensions // ['.csv', '.tsv']
 */
export function tableFormatOf(name: string): TableFormat | undefined {
  return tableFormats.find(({ extensions }) => extensions.includes(extname(name).toLowerCase()));
}

/** @example tableExtensions // '.csv, .tsv, .jsonl, .ndjson, .json, .parquet, .xlsx' */
export const tableExtensions = tableFormats.flatMap(({ extensions }) => extensions).join(', ');
