import { type ReadRow, tableLimits } from './table-row.ts';
import { readLines } from './text-stream.ts';

/**
 * Reads a JSONL file row by row: one object a line, empty lines passed over.
 * @param parse what a line says
 * @throws TextProblem where the file is in another encoding, or a line is too long for a row
 */
export async function* readJsonLines(
  path: string,
  parse: (line: string) => unknown = JSON.parse,
): AsyncGenerator<ReadRow> {
  let row = 0;
  for await (const line of readLines(path, tableLimits.row)) {
    row++;
    if (line.trim() === '') continue;
    try {
      const value = parse(line);
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw new Error('the line is not a JSON object');
      yield { row, values: new Map(Object.entries(value)) };
    } catch (error) {
      yield { row, problem: (error as Error).message };
    }
  }
}
