import { type FileHandle, open } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { AsyncBuffer, Compressors, FileMetaData } from 'hyparquet';
import { FileCell } from '../../modalities/file-cell.ts';
import { problemOfPermissions } from '../../store/files/permissions.ts';
import { classNamesIn } from './huggingface-features.ts';
import { checkFooter, checkRowGroup, maximumFooter } from './parquet-limits.ts';
import type { ReadRow } from './table-row.ts';
import { TextProblem } from './text-encoding.ts';

/**
 * Reads a Parquet file, one row group after another, as pandas and Hugging Face's `datasets` write them. A struct of `bytes`
 * and `path`, or bytes alone, is a {@link FileCell}; numbers of class labels become their names. A row's number is its place
 * in the file, from 1.
 * @param onColumns gets the columns once, before any row; it answers false to stop there
 * @throws TextProblem where the file is no Parquet file, damaged, or has a row group that takes too much memory
 */
export async function* readParquet(
  path: string,
  { onColumns }: { onColumns(columns: readonly string[]): boolean },
): AsyncGenerator<ReadRow> {
  const handle = await open(path).catch((error) => {
    const problem = problemOfPermissions(error);
    throw problem === undefined ? error : new TextProblem(problem);
  });
  const failures: unknown[] = [];
  try {
    yield* readRows(await bufferOf(handle, failures), onColumns);
  } catch (error) {
    throw describe(failures[0] ?? error);
  } finally {
    await handle.close();
  }
}

async function* readRows(
  file: AsyncBuffer,
  onColumns: (columns: readonly string[]) => boolean,
): AsyncGenerator<ReadRow> {
  const { parquetRead, parquetSchema } = await import('hyparquet');
  const metadata = await readFooter(file);
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  if (!onColumns(columns)) return;
  const written = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  const classNames = classNamesIn(written);
  let row = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = row + Number(group.num_rows);
    if (rowEnd === row) continue;
    await checkRowGroup(file, group);
    const rows = await new Promise<unknown[][]>((resolve, reject) => {
      const options = { file, metadata, columns, rowStart: row, rowEnd, compressors, utf8: false };
      parquetRead({ ...options, onComplete: resolve }).catch(reject);
    });
    for (const [index, cells] of rows.entries()) {
      const values = new Map(
        columns.map((column, place) => [column, plainValue(cells[place], classNames.get(column))]),
      );
      yield { row: row + index + 1, values };
    }
    row = rowEnd;
  }
}

async function readFooter(file: AsyncBuffer): Promise<FileMetaData> {
  const { parquetMetadataAsync } = await import('hyparquet');
  const view = new DataView(await file.slice(Math.max(0, file.byteLength - 8), file.byteLength));
  if (view.byteLength < 8 || view.getUint32(4, true) !== 0x31524150)
    throw new TextProblem('it is no Parquet file, or it breaks off');
  if (view.getUint32(0, true) > maximumFooter)
    throw new TextProblem(
      `its footer is larger than ${maximumFooter / 2 ** 20} MiB; write larger row groups`,
    );
  const metadata = await parquetMetadataAsync(file, { geoparquet: false });
  checkFooter(metadata);
  return metadata;
}

/** By node:zlib, which never unpacks more than a page says it has. */
const compressors: Compressors = {
  GZIP: (input, maxOutputLength) => gunzipSync(input, { maxOutputLength }),
  BROTLI: (input, maxOutputLength) => brotliDecompressSync(input, { maxOutputLength }),
  ZSTD: (input, maxOutputLength) => zstdDecompressSync(input, { maxOutputLength }),
};

/** A value as JSON has it, but for files. */
function plainValue(value: unknown, classNames?: readonly string[]): unknown {
  if (typeof value === 'bigint') return plainValue(exactNumber(value), classNames);
  if (typeof value === 'number') return classNames ? className(value, classNames) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return plainDate(value);
  if (value instanceof Uint8Array) return new FileCell(value);
  if (Array.isArray(value)) return value.map((item) => plainValue(item, classNames));
  if (ArrayBuffer.isView(value))
    return Array.from(value as unknown as ArrayLike<unknown>, (item) => plainValue(item));
  return isFileStruct(value) ? fileCell(value) : mapValues(value);
}

/** As `datasets` writes images: the bytes, or a path to them. */
function isFileStruct(value: object): value is { bytes: unknown; path: unknown } {
  const keys = Object.keys(value);
  return keys.length === 2 && keys.includes('bytes') && keys.includes('path');
}

function fileCell({ bytes, path }: { bytes: unknown; path: unknown }): FileCell | string | null {
  const name = typeof path === 'string' ? path : undefined;
  return bytes instanceof Uint8Array ? new FileCell(bytes, name) : (name ?? null);
}

function mapValues(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]));
}

function exactNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function className(value: number, names: readonly string[]): string | number | null {
  return value === -1 ? null : (names[value] ?? value);
}

/** A day, or a time (ISO 8601, UTC). */
function plainDate(date: Date): string | null {
  if (Number.isNaN(date.getTime())) return null;
  const text = date.toISOString();
  return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text;
}

/** @param failures what keeps it from being read: the library waits for some parts too late to be told of it */
async function bufferOf(handle: FileHandle, failures: unknown[]): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  const read = async (start: number, end: number) => {
    const length = Math.min(end, size) - start;
    if (!(start >= 0 && length >= 0)) throw new TextProblem('it is damaged: a page lies outside the file');
    const bytes = new Uint8Array(length);
    const { bytesRead } = await handle.read(bytes, 0, length, start);
    if (bytesRead < length) throw new TextProblem('it breaks off');
    return bytes.buffer;
  };
  return {
    byteLength: size,
    slice: (start, end = size) =>
      read(start, end).catch((error) => {
        failures.push(error);
        return new ArrayBuffer(0);
      }),
  };
}

/** What the library throws is about the file, but for what the system says. */
function describe(error: unknown): unknown {
  if (error instanceof TextProblem || !(error instanceof Error)) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (/^E[A-Z]+$/.test(code)) return error;
  return new TextProblem(`the Parquet file cannot be read: ${error.message.replace(/^parquet /, '')}`);
}
