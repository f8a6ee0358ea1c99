import path from 'node:path';
import { readCsv } from '../datasets/read/csv.ts';
import { describeProblems } from '../datasets/read/findings.ts';
import { readJsonLines } from '../datasets/read/json-lines.ts';
import { type ReadRow, tableLimits } from '../datasets/read/table-row.ts';
import { TextProblem } from '../datasets/read/text-stream.ts';
import { quote } from '../quote.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { parseExactly } from './exact-json.ts';
import type { RowSource, SourceRow, Survey } from './source.ts';

type ReadTable = (file: string, onColumns: (columns: string[]) => boolean) => AsyncGenerator<ReadRow>;

const readers: Readonly<Record<string, ReadTable>> = {
  '.csv': readCsv,
  '.tsv': readCsv,
  '.jsonl': (file) => readJsonLines(file, parseExactly),
  '.ndjson': (file) => readJsonLines(file, parseExactly),
};

/** How the names of tables end. */
export const tableExtensions = Object.keys(readers);

/** @example isTable('listings.csv') // true */
export function isTable(file: string): boolean {
  return readerOf(file) !== undefined;
}

function readerOf(file: string): ReadTable | undefined {
  return readers[path.extname(file).toLowerCase()];
}

/**
 * The rows of a table.
 * @param file with an extension of `tableExtensions`
 * @param folder that its files are named in
 */
export function tableSource(file: string, folder: string): RowSource {
  const name = path.basename(file);
  const read = readerOf(file) ?? readCsv;
  return {
    name,
    folder,
    survey: () => survey(file, name, read),
    async *rows() {
      for await (const found of read(file, () => true)) yield asSourceRow(found);
    },
  };
}

const noValues: ReadonlyMap<string, unknown> = new Map();

function asSourceRow(found: ReadRow): SourceRow {
  const { row, values = noValues } = found;
  return 'problem' in found ? { row, values, problem: found.problem } : { row, values };
}

async function survey(file: string, name: string, read: ReadTable): Promise<Survey> {
  const columns = new Set<string>();
  let rows = 0;
  const refuse = (at: string, detail: string) => describeProblems(name, [{ at, detail }]);
  const add = (names: Iterable<string>) => {
    for (const column of names) columns.add(column);
    if (columns.size > tableLimits.columns)
      throw refuse(name, `it has more than ${tableLimits.columns} columns`);
  };
  const takeHeader = (header: string[]) => {
    const repeated = header.find((column, index) => header.indexOf(column) < index);
    if (repeated !== undefined) throw refuse(name, `the column ${quote(repeated)} stands there twice`);
    add(header);
    return true;
  };
  try {
    for await (const found of read(file, takeHeader)) {
      if ('problem' in found && found.isLast) throw refuse(`${name} row ${found.row}`, found.problem);
      if (found.values) add(found.values.keys());
      rows++;
    }
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    throw refuse(error.row ? `${name} row ${error.row}` : name, error.message);
  }
  return { columns: [...columns], rows, identity: await sha256OfFile(file) };
}
