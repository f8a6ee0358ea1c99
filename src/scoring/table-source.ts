import path from 'node:path';
import { describeProblems } from '../datasets/read/findings.ts';
import { type TableFormat, tableFormatOf } from '../datasets/read/table-formats.ts';
import { type ReadRow, tableLimits } from '../datasets/read/table-row.ts';
import { TextProblem } from '../datasets/read/text-encoding.ts';
import { required } from '../indexing.ts';
import { NotationTallies } from '../number-notation.ts';
import { quote } from '../quote.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { parseExactly } from './exact-json.ts';
import type { RowSource, SourceRow, Survey } from './source.ts';

/**
 * The rows of a table.
 * @param file of a table's format
 * @param folder that its files are named in
 */
export function tableSource(file: string, folder: string): RowSource {
  const name = path.basename(file);
  const format = required(tableFormatOf(file), name);
  return {
    name,
    folder,
    survey: () => survey(file, name, format),
    async *rows() {
      const ignore = () => {};
      const options = { onColumns: () => true, onEncoding: ignore, onNote: ignore, parseJson: parseExactly };
      for await (const found of format.read(file, options)) yield asSourceRow(found);
    },
  };
}

const noValues: ReadonlyMap<string, unknown> = new Map();

function asSourceRow(found: ReadRow): SourceRow {
  const { row, values = noValues } = found;
  return 'problem' in found ? { row, values, problem: found.problem } : { row, values };
}

async function survey(file: string, name: string, format: TableFormat): Promise<Survey> {
  const columns = new Set<string>();
  const encodings = new Set<string>();
  const notes: string[] = [];
  const tallies = new NotationTallies();
  let rows = 0;
  const refuse = (at: string, detail: string) => describeProblems(name, [{ at, detail }]);
  const add = (names: Iterable<string>) => {
    for (const column of names) columns.add(column);
    if (columns.size > tableLimits.columns)
      throw refuse(name, `it has more than ${tableLimits.columns} columns`);
  };
  const onColumns = (header: readonly string[]) => {
    const repeated = header.find((column, index) => header.indexOf(column) < index);
    if (repeated !== undefined) throw refuse(name, `the column ${quote(repeated)} stands there twice`);
    add(header);
    return true;
  };
  try {
    const onEncoding = (encoding: string) => encodings.add(encoding);
    const onNote = (note: string) => notes.push(`${name}: ${note}`);
    const options = { onColumns, onEncoding, onNote, parseJson: parseExactly };
    for await (const found of format.read(file, options)) {
      if ('problem' in found && found.isLast) throw refuse(`${name} row ${found.row}`, found.problem);
      if (found.values) {
        add(found.values.keys());
        tallies.add(found.values);
      }
      rows++;
    }
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    throw refuse(error.row ? `${name} row ${error.row}` : name, error.message);
  }
  for (const encoding of encodings) notes.push(`${name}: read as ${encoding}, since it is not UTF-8`);
  const identity = await sha256OfFile(file);
  return { columns: [...columns], rows, identity, notes, notations: tallies.found() };
}
