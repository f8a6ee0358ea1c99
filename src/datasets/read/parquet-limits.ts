import type { AsyncBuffer, FileMetaData, RowGroup } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { required } from '../../indexing.ts';
import { tableLimits } from './table-row.ts';
import { TextProblem } from './text-encoding.ts';

/** What a row group may have: all of it is in memory at once. */
export const rowGroupLimits = {
  /** Bytes, unpacked. */
  bytes: 512 * 2 ** 20,
  /** Values of all columns together. */
  values: 2 ** 25,
};

/** Bytes of the footer. */
export const maximumFooter = 2 ** 24;

/** Bytes that the header of a page has at most; the statistics in it may be long. */
const headerBytes = 2 ** 16;

/** Compressions that are read, and none. */
const codecs: readonly string[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD'];

/** @throws TextProblem where the file as a whole has more than a table may have */
export function checkFooter({ row_groups: groups, schema }: FileMetaData): void {
  let rows = 0;
  for (const { num_rows: own } of groups) rows += Number(own);
  if (rows > tableLimits.rows)
    throw new TextProblem(`there are more than ${tableLimits.rows} rows; split it into several datasets`);
  if (schema.length > 10 * tableLimits.columns)
    throw new TextProblem(`it has ${schema.length} columns, nested ones included`);
}

/**
 * Goes over the headers of all pages of a row group, which say what it takes to unpack them. The footer says so, too, but
 * is not what a reader unpacks by.
 * @throws TextProblem where that is too much, or a page is of a kind that is not read
 */
export async function checkRowGroup(file: AsyncBuffer, group: RowGroup): Promise<void> {
  let [bytes, values] = [0, 0];
  for (const { meta_data: column } of group.columns) {
    const { codec, dictionary_page_offset, data_page_offset, total_compressed_size } = required(
      column,
      'the column',
    );
    if (!codecs.includes(codec))
      throw new TextProblem(`it is compressed with ${codec}; write it with snappy, gzip, brotli or zstd`);
    const start = Number(dictionary_page_offset || data_page_offset);
    const end = start + Number(total_compressed_size);
    if (start < 0 || end < start || end > file.byteLength)
      throw new TextProblem('it is damaged: a column lies outside the file');
    for (let at = start; at < end - 1; ) {
      const page = await readPageHeader(file, at, end);
      bytes += page.bytes;
      values += page.values;
      if (bytes > rowGroupLimits.bytes || values > rowGroupLimits.values) throw tooLarge();
      at = page.end;
    }
  }
}

function tooLarge(): TextProblem {
  return new TextProblem(
    `a row group has more than ${rowGroupLimits.bytes / 2 ** 20} MiB or ${rowGroupLimits.values} values; write the file with smaller ones (row_group_size=1000)`,
  );
}

/** Where a page ends, and what unpacking it makes. */
async function readPageHeader(
  file: AsyncBuffer,
  at: number,
  end: number,
): Promise<{ end: number; bytes: number; values: number }> {
  const reader = { view: new DataView(await file.slice(at, Math.min(end, at + headerBytes))), offset: 0 };
  const header = parquetHeader(reader);
  const { data_page_header: first, data_page_header_v2: second, dictionary_page_header: dictionary } = header;
  const { compressed_page_size: packed, uncompressed_page_size: bytes } = header;
  const values = Number((first ?? second ?? dictionary)?.num_values ?? 0);
  if (!(packed >= 0 && bytes >= 0 && values >= 0))
    throw new TextProblem('it is damaged: a page of negative size');
  // A value may repeat the one before but for its end: the page grows without bound.
  if ((first ?? second)?.encoding === 'DELTA_BYTE_ARRAY')
    throw new TextProblem('its texts are encoded as DELTA_BYTE_ARRAY; write it with the default encodings');
  return { end: at + reader.offset + packed, bytes, values };
}
