import { isUtf8 } from 'node:buffer';
import { itemAt } from '../../indexing.ts';

/** What is wrong with a file that is read, in words, and its row where there is one. */
export class TextProblem extends Error {
  readonly row: number | undefined;

  constructor(message: string, row?: number) {
    super(message);
    this.row = row;
  }
}

/** Decodes a file piece by piece. */
export interface TextDecoding {
  /**
   * @param row line of the file where the piece begins, for problems
   * @throws TextProblem
   */
  take(piece: Buffer, row: number): string;
  /** What is left at the end. @throws TextProblem */
  end(row: number): string;
}

/** Told the name of an encoding that is not UTF-8; without it such a file is a problem. */
export type OnEncoding = (name: string) => void;

/**
 * Decodes UTF-8, with or without a byte order mark. Where `onEncoding` is given, also UTF-16, and Windows-1252: the latter is
 * taken for what is not UTF-8, where nothing before or beside it is.
 * @param start the first piece of the file
 * @throws TextProblem where the file is in another encoding
 * @example decodingOf(await readFile('metadata.csv')).take(bytes, 1)
 */
export function decodingOf(start: Buffer, onEncoding?: OnEncoding): TextDecoding {
  const wide = wideEncodingOf(start);
  if (wide === undefined) return new Utf8(onEncoding);
  if (wide === 'utf-32' || !onEncoding)
    throw new TextProblem(`the file is ${wide.slice(0, 6).toUpperCase()}; save it as UTF-8`);
  onEncoding('UTF-16');
  return new Utf16(wide);
}

/** UTF-32 by its mark, UTF-16 by its mark or without: then plain letters leave every other byte zero. */
function wideEncodingOf(bytes: Buffer): 'utf-32' | 'utf-16le' | 'utf-16be' | undefined {
  const mark = bytes.toString('hex', 0, 4);
  if (mark === 'fffe0000' || mark === '0000feff') return 'utf-32';
  if (mark.startsWith('fffe')) return 'utf-16le';
  if (mark.startsWith('feff')) return 'utf-16be';
  const zerosOn = (side: number) =>
    bytes.subarray(0, 1024).filter((byte, at) => byte === 0 && at % 2 === side).length;
  const [even, odd] = [zerosOn(0), zerosOn(1)];
  if (Math.max(even, odd) < 2 || Math.min(even, odd) > 0) return undefined;
  return even > odd ? 'utf-16be' : 'utf-16le';
}

class Utf16 implements TextDecoding {
  readonly #decoder: TextDecoder;

  constructor(encoding: 'utf-16le' | 'utf-16be') {
    this.#decoder = new TextDecoder(encoding, { fatal: true });
  }

  take(piece: Buffer, row: number): string {
    return this.#decode(row, piece);
  }

  end(row: number): string {
    return this.#decode(row);
  }

  #decode(row: number, piece?: Buffer): string {
    try {
      return this.#decoder.decode(piece, { stream: piece !== undefined });
    } catch {
      throw new TextProblem('the text is not valid UTF-16; save the file as UTF-8', row);
    }
  }
}

class Utf8 implements TextDecoding {
  readonly #decoder = new TextDecoder();
  readonly #onEncoding: OnEncoding | undefined;
  /** Takes over where the file turns out to be no UTF-8. */
  #windows: TextDecoder | undefined;
  #held = Buffer.alloc(0);
  /** Whether something was UTF-8 that is more than ASCII. */
  #isCertain = false;
  /** Bytes so far, all of them ASCII unless it is certain. */
  #before = 0;

  constructor(onEncoding: OnEncoding | undefined) {
    this.#onEncoding = onEncoding;
  }

  take(piece: Buffer, row: number): string {
    if (this.#windows) return decodeWindows(this.#windows, piece, row);
    const bytes: Buffer = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece;
    // A character may be cut in two by the end of a piece; line ends are never part of a longer character.
    const end = bytes.length - cutCharacter(bytes);
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) return this.#takeOther(bytes, row);
    this.#held = Buffer.from(bytes.subarray(end));
    const text = this.#decoder.decode(whole, { stream: true });
    this.#before += whole.length;
    this.#isCertain ||= text.length !== whole.length;
    return text;
  }

  end(row: number): string {
    return this.#held.length === 0 ? '' : this.#takeOther(this.#held, row);
  }

  #takeOther(bytes: Buffer, row: number): string {
    if (!this.#onEncoding || this.#isCertain || hasUtf8Lines(bytes)) throw notUtf8(row + brokenLine(bytes));
    if (!looksLikeWindows(bytes, this.#before)) throw notUtf8(row + brokenLine(bytes));
    this.#onEncoding('Windows-1252');
    this.#windows = new TextDecoder('windows-1252');
    return decodeWindows(this.#windows, bytes, row);
  }
}

function decodeWindows(decoder: TextDecoder, bytes: Buffer, row: number): string {
  const broken = bytes.findIndex((byte) => undefinedBytes.has(byte));
  if (broken >= 0)
    throw new TextProblem(
      'the text is neither UTF-8 nor Windows-1252; save the file as UTF-8',
      row + countLines(bytes.toString('latin1', 0, broken)),
    );
  return decoder.decode(bytes, { stream: true });
}

/** Bytes that Windows-1252 has no character for. */
const undefinedBytes = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);
/** In languages that are written in Windows-1252 most letters are ASCII. */
const mostOthers = 0.3;

/** @param before ASCII that came before */
function looksLikeWindows(bytes: Buffer, before: number): boolean {
  let [letters, others] = [before, 0];
  for (const byte of bytes) {
    if (byte >= 0x80) others++;
    else if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) letters++;
  }
  return others <= mostOthers * (letters + others);
}

/** Whether some line is UTF-8 and more than ASCII. */
function hasUtf8Lines(bytes: Buffer): boolean {
  for (const line of linesOf(bytes)) if (isUtf8(line) && line.some((byte) => byte >= 0x80)) return true;
  return false;
}

function notUtf8(row: number): TextProblem {
  return new TextProblem('the text is not UTF-8; save the file as UTF-8', row);
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
  let index = 0;
  for (const line of linesOf(bytes)) {
    if (!isUtf8(line)) return index;
    index++;
  }
  return Math.max(0, index - 1);
}

function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    yield bytes.subarray(start, end);
    start = end + 1;
  }
}

export function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
