import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';

/**
 * Reads a UTF-8 file, with or without a byte order mark. Line ends come out as `\n`.
 * @returns the text, or what is wrong in words
 */
export async function readTextFile(
  path: string,
  maximumBytes: number,
): Promise<{ text: string } | { problem: string; row?: number }> {
  const { size } = await stat(path);
  if (size > maximumBytes) return { problem: `the file is larger than ${maximumBytes / 2 ** 20} MiB` };
  const bytes = await readFile(path);
  if (isUtf16(bytes)) return { problem: 'the file is UTF-16; save it as UTF-8' };
  if (!isUtf8(bytes))
    return { problem: 'the text is not UTF-8; save the file as UTF-8', row: firstBrokenRow(bytes) };
  const text = new TextDecoder().decode(bytes);
  return { text: text.replaceAll(/\r\n?/g, '\n') };
}

/** UTF-16 with its mark, or without: then plain letters leave every other byte zero. */
function isUtf16(bytes: Buffer): boolean {
  const mark = bytes.subarray(0, 2).toString('hex');
  return mark === 'fffe' || mark === 'feff' || bytes.subarray(0, 1024).includes(0);
}

function firstBrokenRow(bytes: Buffer): number {
  let row = 1;
  let start = 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
    row++;
  }
  return row;
}
