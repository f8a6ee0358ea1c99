import { type CsvError, type Parser, parse } from 'csv-parse';
import { itemAt } from '../../indexing.ts';
import { type ReadRow, tableLimits } from './table-row.ts';
import type { OnEncoding } from './text-encoding.ts';
import { readLines, readText } from './text-stream.ts';

/**
 * Reads a CSV file row by row: with commas, semicolons (as spreadsheets do in half of Europe) or tabs. After a
 * misplaced quote nobody can tell where a row begins, so reading stops there.
 * What separates them may also stand in a line before, as Excel writes: `sep=;`.
 * @param onColumns gets the header once, before any row; it answers false to stop there
 * @throws TextProblem where the file is in another encoding
 */
export async function* readCsv(
  path: string,
  { onColumns, onEncoding }: { onColumns(columns: string[]): boolean; onEncoding: OnEncoding },
): AsyncGenerator<ReadRow> {
  const header = (await readLines(path, tableLimits.row, onEncoding).next()).value ?? '';
  const said = separatorLine.exec(header)?.[1];
  let lastRow = 0;
  let columns: string[] | undefined;
  let ready: { record: string[]; row: number }[] = [];
  const parser = parse({
    delimiter: said ?? detectDelimiter(header),
    from_line: said === undefined ? 1 : 2,
    max_record_size: tableLimits.row,
    record_delimiter: '\n',
    relax_column_count: true,
    skip_empty_lines: true,
    on_record: (record: string[], { lines }) => {
      const breaks = record.reduce((sum, value) => sum + (value.split('\n').length - 1), 0);
      ready.push({ record, row: lines - breaks });
      lastRow = lines;
      return null;
    },
  });
  // Each failure is met where the parser is written to.
  parser.on('error', () => {}).resume();
  for await (const failure of parsePieces(parser, path, onEncoding)) {
    for (const { record, row } of ready) {
      if (!columns) {
        columns = record.map((column) => column.trim());
        if (!onColumns(columns)) return;
      } else if (record.length > columns.length) {
        const problem = `${record.length} values for ${columns.length} columns; put quotes around a text with commas`;
        yield { row, problem, values: valuesOf(columns, record.slice(0, columns.length)) };
      } else yield { row, values: valuesOf(columns, record) };
    }
    ready = [];
    if (!failure) continue;
    const row = await firstFilledRow(path, lastRow + 1, onEncoding);
    yield { row, problem: `${describe(failure)}; reading stopped there`, isLast: true };
    return;
  }
}

/** By column; a record may have fewer values than there are columns. */
function valuesOf(columns: readonly string[], record: readonly string[]): Map<string, string> {
  return new Map(record.map((value, index) => [itemAt(columns, index), value]));
}

/** Writes a file to the parser piece by piece, each when the one before is parsed, and answers how each went. */
async function* parsePieces(
  parser: Parser,
  path: string,
  onEncoding: OnEncoding,
): AsyncGenerator<CsvError | undefined> {
  for await (const text of readText(path, onEncoding)) yield failureOf((done) => parser.write(text, done));
  yield failureOf((done) => parser.end(done));
}

async function failureOf(act: (done: (error?: Error | null) => void) => void): Promise<CsvError | undefined> {
  const error = await new Promise<Error | null | undefined>((resolve) => act(resolve));
  return error ? asCsvError(error) : undefined;
}

function asCsvError(error: Error): CsvError {
  if (/^(CSV_|INVALID_)/.test(String((error as CsvError).code))) return error as CsvError;
  throw error;
}

/** Excel's first line, which says what separates the columns. */
const separatorLine = /^"?sep=([,;\t|])"?[,;\t|]*$/i;

function detectDelimiter(header: string): string {
  const counts = [',', ';', '\t'].map((separator) => ({ separator, count: header.split(separator).length }));
  return counts.reduce((a, b) => (b.count > a.count ? b : a)).separator;
}

async function firstFilledRow(path: string, from: number, onEncoding: OnEncoding): Promise<number> {
  let row = 0;
  for await (const line of readLines(path, tableLimits.row, onEncoding))
    if (++row >= from && line !== '') return row;
  return from;
}

function describe(error: CsvError): string {
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote that opens here is never closed';
    case 'CSV_INVALID_CLOSING_QUOTE':
      return `a quote closes in the middle of a value (line ${error.lines}); write a quote inside quotes twice: ""`;
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands in the middle of a value; put quotes around the value and write the quote twice: ""';
    case 'CSV_MAX_RECORD_SIZE':
      return `the row is longer than ${tableLimits.row} characters; is a quote never closed?`;
    default:
      return error.message;
  }
}
