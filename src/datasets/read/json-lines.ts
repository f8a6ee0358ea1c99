import { type ReadRow, tableLimits } from './table-row.ts';
import type { OnEncoding } from './text-encoding.ts';
import { readLines } from './text-stream.ts';

/** How JSON is read. */
export interface JsonOptions {
  onEncoding?: OnEncoding;
  /** What a row says; `JSON.parse` by default. */
  parseJson?(text: string): unknown;
}

/**
 * Reads a JSONL file row by row: one object a line, empty lines passed over.
 * @throws TextProblem where the file is in another encoding, or a line is too long for a row
 */
export async function* readJsonLines(
  path: string,
  { onEncoding, parseJson: parse = JSON.parse }: JsonOptions = {},
): AsyncGenerator<ReadRow> {
  let row = 0;
  for await (const line of readLines(path, tableLimits.row, onEncoding)) {
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
