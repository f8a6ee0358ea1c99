import { problemOfPermissions } from '../../store/files/permissions.ts';
import type { ReadRow } from './table-row.ts';
import { TextProblem } from './text-encoding.ts';
import { checkSpreadsheet } from './xlsx-parts.ts';

/**
 * Reads the first sheet of an Excel workbook (.xlsx): columns are named in its first row that has a value. Dates are texts (ISO 8601), rows
 * without a value are passed over, and a row's number is Excel's.
 * @param onColumns gets the columns once, before any row; it answers false to stop there
 * @param onNote told where there are more sheets
 * @throws TextProblem where it is no such file, damaged, or larger than fits into memory
 */
export async function* readXlsx(
  path: string,
  { onColumns, onNote }: { onColumns(columns: readonly string[]): boolean; onNote(note: string): void },
): AsyncGenerator<ReadRow> {
  const { rows, sheets } = await readFirstSheet(path);
  if (sheets > 1) onNote(`read the first of ${sheets} sheets`);
  let columns: NamedColumn[] | undefined;
  for (const [index, cells] of rows.entries()) {
    if (cells.every((cell) => cell === null)) continue;
    if (columns) {
      const values = new Map(columns.map(({ name, place }) => [name, plainCell(cells[place])]));
      yield { row: index + 1, values };
      continue;
    }
    columns = columnsOf(cells, rows);
    if (!onColumns(columns.map(({ name }) => name))) return;
  }
}

type Cell = string | number | boolean | Date | null;

interface NamedColumn {
  name: string;
  /** From 0, nameless ones included. */
  place: number;
}

async function readFirstSheet(path: string): Promise<{ rows: Cell[][]; sheets: number }> {
  try {
    const { file, sheets } = await checkSpreadsheet(path);
    const { readSheet } = await import('read-excel-file/node');
    return { rows: (await readSheet(file)) as Cell[][], sheets };
  } catch (error) {
    const problem = problemOfPermissions(error);
    if (problem !== undefined) throw new TextProblem(problem);
    const { code = '' } = error as NodeJS.ErrnoException;
    if (error instanceof TextProblem || !(error instanceof Error) || /^E[A-Z]+$/.test(code)) throw error;
    throw new TextProblem(`the spreadsheet cannot be read: ${error.message}`);
  }
}

/** Named columns, and those without a name that have a value, by Excel's letter. */
function columnsOf(header: Cell[], rows: Cell[][]): NamedColumn[] {
  return header.flatMap((cell, place) => {
    const name = String(plainCell(cell) ?? '').trim();
    if (name !== '') return { name, place };
    return rows.some((cells) => cells[place] !== null) ? { name: `(column ${letterOf(place)})`, place } : [];
  });
}

/** @example letterOf(27) // 'AB' */
function letterOf(place: number): string {
  const last = String.fromCharCode(65 + (place % 26));
  return place < 26 ? last : letterOf(Math.floor(place / 26) - 1) + last;
}

function plainCell(cell: Cell | undefined): string | number | boolean | null {
  if (!(cell instanceof Date)) return cell ?? null;
  const text = cell.toISOString();
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text;
}
