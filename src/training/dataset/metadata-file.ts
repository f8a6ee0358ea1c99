import { type CsvError, parse } from 'csv-parse/sync';
import type { Problems } from './problems.ts';
import { readTextFile } from './text-file.ts';

/** The names that the hub's imagefolder convention looks for, beside the pictures. */
export const metadataFileNames = ['metadata.csv', 'metadata.jsonl'];

/** Larger than any list of a million examples; smaller than what a string can hold. */
const maximumFileBytes = 256 * 2 ** 20;
/** A quote that is never closed would otherwise make one record of the rest of the file. */
const maximumRecordCharacters = 2 ** 20;

export interface MetadataRow {
  /** Line of the file where the row begins, the header being line 1. */
  row: number;
  values: Map<string, unknown>;
}

export interface MetadataTable {
  columns: string[];
  rows: MetadataRow[];
}

/**
 * Reads `metadata.csv` or `metadata.jsonl`. Rows that cannot be parsed become problems, the others are returned;
 * after a misplaced quote nobody can tell where a row of a CSV file begins, so reading stops there.
 * A CSV file may use commas, semicolons (as spreadsheets do in half of Europe) or tabs.
 * @param name how problems call the file
 */
export async function readMetadataFile(
  path: string,
  name: string,
  problems: Problems,
): Promise<MetadataTable> {
  const read = await readTextFile(path, maximumFileBytes);
  if ('problem' in read) {
    problems.add(read.row ? `${name} row ${read.row}` : name, read.problem);
    return { columns: [], rows: [] };
  }
  return name.endsWith('.csv')
    ? parseCsv(read.text, name, problems)
    : parseJsonLines(read.text, name, problems);
}

function parseCsv(text: string, name: string, problems: Problems): MetadataTable {
  const header = text.slice(0, Math.max(0, text.indexOf('\n')));
  const separators = [',', ';', '\t'].map((separator) => ({
    separator,
    count: header.split(separator).length,
  }));
  const delimiter = separators.reduce((a, b) => (b.count > a.count ? b : a)).separator;
  const records: { record: string[]; row: number }[] = [];
  let lastRow = 0;
  try {
    parse(text, {
      delimiter,
      max_record_size: maximumRecordCharacters,
      record_delimiter: '\n',
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (record: string[], { lines }) => {
        records.push({ record, row: lines - record.join('').split('\n').length + 1 });
        lastRow = lines;
        return null;
      },
    });
  } catch (error) {
    const row = firstFilledRow(text, lastRow + 1);
    problems.add(`${name} row ${row}`, `${describeCsvFailure(error as CsvError)}; reading stopped there`);
  }
  const columns = (records.shift()?.record ?? []).map((column) => column.trim());
  const repeated = columns.find((column, index) => columns.indexOf(column) < index);
  if (repeated) problems.add(name, `the column ${JSON.stringify(repeated)} stands there twice`);
  const rows = records.flatMap(({ record, row }): MetadataRow[] => {
    if (record.length > columns.length) {
      const detail = `${record.length} values for ${columns.length} columns; put quotes around a text with commas`;
      problems.add(`${name} row ${row}`, detail);
      return [];
    }
    return [{ row, values: new Map(record.map((value, index) => [columns[index], value])) }];
  });
  return { columns, rows };
}

function firstFilledRow(text: string, from: number): number {
  const offset = text
    .split('\n')
    .slice(from - 1)
    .findIndex((line) => line !== '');
  return from + Math.max(0, offset);
}

function describeCsvFailure(error: CsvError): string {
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote that opens here is never closed';
    case 'CSV_INVALID_CLOSING_QUOTE':
      return `a quote closes in the middle of a value (line ${error.lines}); write a quote inside quotes twice: ""`;
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands in the middle of a value; put quotes around the value and write the quote twice: ""';
    case 'CSV_MAX_RECORD_SIZE':
      return `the row is longer than ${maximumRecordCharacters} characters; is a quote never closed?`;
    default:
      return error.message;
  }
}

function parseJsonLines(text: string, name: string, problems: Problems): MetadataTable {
  const columns = new Set<string>();
  const rows: MetadataRow[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new Error('the line is not a JSON object');
      }
      for (const column of Object.keys(value)) columns.add(column);
      rows.push({ row: index + 1, values: new Map(Object.entries(value)) });
    } catch (error) {
      problems.add(`${name} row ${index + 1}`, (error as Error).message);
    }
  }
  return { columns: [...columns], rows };
}
