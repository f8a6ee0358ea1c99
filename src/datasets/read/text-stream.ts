import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { itemAt } from '../../indexing.ts';
import { problemOfPermissions } from '../../store/files/permissions.ts';

/** What is wrong with a text file, in words, and its line where there is one. */
export class TextProblem extends Error {
  readonly row: number | undefined;

  constructor(message: string, row?: number) {
    super(message);
    this.row = row;
  }
}

/**
 * Reads a UTF-8 file piece by piece, with or without a byte order mark. Line ends come out as `\n`.
 * @throws TextProblem where the file is in another encoding, or may not be read
 * @example for await (const text of readText('metadata.csv')) …
 */
export async function* readText(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let row = 1;
  let held = Buffer.alloc(0);
  let endedInReturn = false;
  let isFirst = true;
  for await (const chunk of readPieces(path)) {
    const bytes: Buffer = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    if (isFirst) refuseWideText(bytes);
    isFirst = false;
    // A character may be cut in two by the end of a piece; line ends are never part of a longer character.
    const end = bytes.length - cutCharacter(bytes);
    held = Buffer.from(bytes.subarray(end));
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) throw notUtf8(row + brokenLine(whole));
    const zero = whole.indexOf(0);
    if (zero >= 0)
      throw new TextProblem(
        'a zero byte stands in the text; remove it',
        row + countLines(whole.toString('latin1', 0, zero)),
      );
    let text = decoder.decode(whole, { stream: true });
    if (endedInReturn && text.startsWith('\n')) text = text.slice(1);
    endedInReturn = text.endsWith('\r');
    text = text.replaceAll(/\r\n?/g, '\n');
    row += countLines(text);
    yield text;
  }
  if (held.length > 0) throw notUtf8(row);
}

async function* readPieces(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: 2 ** 20 });
  } catch (error) {
    const problem = problemOfPermissions(error);
    throw problem === undefined ? error : new TextProblem(problem);
  }
}

/**
 * Lines without their ends.
 * @param longest characters that a line may have; reading stops at one that has more, before it is all in memory
 * @throws TextProblem as {@link readText}, and at such a line
 */
export async function* readLines(path: string, longest: number): AsyncGenerator<string> {
  let rest: string[] = [];
  let length = 0;
  let row = 1;
  for await (const text of readText(path)) {
    for (const [index, line] of text.split('\n').entries()) {
      if (index > 0) {
        yield rest.join('');
        [rest, length] = [[], 0];
        row++;
      }
      rest.push(line);
      length += line.length;
      if (length > longest)
        throw new TextProblem(`the line is longer than ${longest} characters; reading stopped there`, row);
    }
  }
  yield rest.join('');
}

function notUtf8(row: number): TextProblem {
  return new TextProblem('the text is not UTF-8; save the file as UTF-8', row);
}

/** Refuses UTF-32 with its mark, and UTF-16 with its mark or without: then plain letters leave every other byte zero. */
function refuseWideText(bytes: Buffer): void {
  const mark = bytes.toString('hex', 0, 4);
  if (mark === 'fffe0000' || mark === '0000feff')
    throw new TextProblem('the file is UTF-32; save it as UTF-8');
  const zerosOn = (side: number) =>
    bytes.subarray(0, 1024).filter((byte, at) => byte === 0 && at % 2 === side).length;
  const [even, odd] = [zerosOn(0), zerosOn(1)];
  const hasZerosOnOneSide = Math.max(even, odd) > 1 && Math.min(even, odd) === 0;
  if (/^(fffe|feff)/.test(mark) || hasZerosOnOneSide)
    throw new TextProblem('the file is UTF-16; save it as UTF-8');
}

/** How many bytes at the end are the beginning of a character that is longer than what is there. */
function cutCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = itemAt(bytes, -back);
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

function brokenLine(bytes: Buffer): number {
  let line = 0;
  for (let start = 0; ; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    if (found < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
