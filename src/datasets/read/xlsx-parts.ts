import { buffer } from 'node:stream/consumers';
import { type Entry, openPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { tableLimits } from './table-row.ts';
import { TextProblem } from './text-encoding.ts';

/** What a spreadsheet may have: all of it is in memory at once. */
export const spreadsheetLimits = {
  /** Bytes of all its parts that are read, unpacked. */
  bytes: 96 * 2 ** 20,
  /** Files in it. */
  parts: 10_000,
  /** Rows times columns, empty cells included. */
  cells: 10_000_000,
};

/** Parts whose names end so are read. */
const readParts = /\.xml(\.rels)?$/;
const workbook = 'xl/workbook.xml';

/** A spreadsheet that is safe to read, as another zip whose parts are as long as they say. */
export interface CheckedSpreadsheet {
  file: Buffer;
  sheets: number;
}

/**
 * Unpacks what is read of a spreadsheet, within limits, and packs it again.
 * @throws TextProblem where it is no such file, damaged, encrypted or too large
 */
export async function checkSpreadsheet(path: string): Promise<CheckedSpreadsheet> {
  // The size that an entry declares is enforced while it is read.
  const zip = await openPromise(path, { autoClose: false, validateEntrySizes: true }).catch((error) => {
    throw error.code === undefined ? notSpreadsheet(error) : error;
  });
  const packed = new ZipFile();
  let [parts, bytes, sheets] = [0, 0, 0];
  try {
    for await (const entry of zip.eachEntry()) {
      if (++parts > spreadsheetLimits.parts)
        throw new TextProblem(`it has more than ${spreadsheetLimits.parts} parts`);
      if (!readParts.test(entry.fileName)) continue;
      bytes += entry.uncompressedSize;
      if (bytes > spreadsheetLimits.bytes)
        throw new TextProblem(
          `it has more than ${spreadsheetLimits.bytes / 2 ** 20} MiB of cells; save it as CSV`,
        );
      const part = await buffer(await zip.openReadStreamPromise(readable(entry)));
      checkReach(part);
      if (entry.fileName === workbook)
        sheets = part.toString('latin1').match(/<(\w+:)?sheet\s/g)?.length ?? 0;
      packed.addBuffer(part, entry.fileName, { compress: false });
    }
  } catch (error) {
    throw isOfFile(error) ? notSpreadsheet(error) : error;
  } finally {
    zip.close();
  }
  if (sheets === 0) throw new TextProblem('it is no spreadsheet (.xlsx)');
  packed.end();
  return { file: await buffer(packed.outputStream), sheets };
}

function readable(entry: Entry): Entry {
  if (entry.isEncrypted()) throw new TextProblem('it is encrypted; save it without a password');
  return entry;
}

/** What yauzl and zlib say of a damaged file; the system's errors begin with E. */
function isOfFile(error: unknown): error is Error {
  if (error instanceof TextProblem || !(error instanceof Error)) return false;
  return !String((error as NodeJS.ErrnoException).code ?? 'Z_').startsWith('E');
}

function notSpreadsheet({ message }: Error): TextProblem {
  return new TextProblem(`it is no spreadsheet (.xlsx), or it is damaged: ${message}`);
}

/**
 * How far the cells of a part reach: a cell far away makes all rows as wide and all columns as long.
 * @throws TextProblem where they make too many
 */
function checkReach(part: Buffer): void {
  let [columns, rows] = [0, 0];
  for (const [, , place = ''] of part.toString('latin1').matchAll(/\sr\s*=\s*(["'])(.*?)\1/g)) {
    const [, letters, digits] = /^([A-Z]{0,3})(\d{0,7})$/.exec(place) ?? [];
    if (letters === undefined || digits === undefined)
      throw new TextProblem(`it has a cell in no place: ${JSON.stringify(place.slice(0, 20))}`);
    let column = 0;
    for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
    columns = Math.max(columns, column);
    rows = Math.max(rows, Number(digits));
  }
  if (columns > tableLimits.columns)
    throw new TextProblem(`it has ${columns} columns; ${tableLimits.columns} are the limit`);
  if (columns * rows > spreadsheetLimits.cells)
    throw new TextProblem(
      `it has ${columns} columns and ${rows} rows, empty ones included; save it as CSV, or delete what is empty`,
    );
}
