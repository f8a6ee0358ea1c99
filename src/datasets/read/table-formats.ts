import { extname } from 'node:path';
import { readCsv } from './csv.ts';
import { readJsonArray } from './json-array.ts';
import { type JsonOptions, readJsonLines } from './json-lines.ts';
import type { ReadRow } from './table-row.ts';
import type { OnEncoding } from './text-encoding.ts';
import { readText } from './text-stream.ts';

/** A kind of file that is a table. */
export interface TableFormat {
  /** What its files' names end with, the usual one first. */
  extensions: readonly [string, ...string[]];
  /**
   * Reads a table row by row.
   * @param onColumns gets a header once, before any row; it answers false to stop there. Formats without one never call it
   * @throws TextProblem where the file cannot be read
   */
  read(
    path: string,
    options: JsonOptions & { onColumns(columns: readonly string[]): boolean; onEncoding: OnEncoding },
  ): AsyncGenerator<ReadRow>;
}

export const tableFormats: readonly TableFormat[] = [
  { extensions: ['.csv', '.tsv'], read: (path, options) => readCsv(path, options) },
  { extensions: ['.jsonl', '.ndjson'], read: readJsonLines },
  {
    extensions: ['.json'],
    async *read(path, options) {
      yield* (await startsWithBrace(path)) ? readJsonLines(path, options) : readJsonArray(path, options);
    },
  },
];

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

/** @example tableExtensions // '.csv, .tsv, .jsonl, .ndjson, .json' */
export const tableExtensions = tableFormats.flatMap(({ extensions }) => extensions).join(', ');
