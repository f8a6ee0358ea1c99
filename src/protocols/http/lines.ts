import type { Readable } from 'node:stream';
import { TandemError } from '../../errors.ts';
import { TimeSlice } from '../../time-slice.ts';
import { piecesOf, tooLarge } from './body-bytes.ts';

const lineFeed = 0x0a;
const isBlank = (byte: number | undefined) =>
  byte === lineFeed || byte === 0x20 || byte === 0x0d || byte === 0x09;

/** Most bytes of blank lines in a row: compressed, a gigabyte of them is a megabyte. */
const mostBlankBytes = 2 ** 16;

/**
 * The lines of a stream of UTF-8, without their ends and without the blank ones. Every byte is looked at once, however
 * long a line is and in however many pieces it comes; between lines the event loop gets its turns.
 * @param maximumBytes of a line
 * @throws TandemError `payload-too-large` where a line is longer and its end is not in sight; one whose end came with the
 * same piece is still given, for its reader to refuse it alone. `invalid-request` for too many blank lines in a row
 * @example for await (const line of linesOf(request, 20 * 2 ** 20)) JSON.parse(line);
 */
export async function* linesOf(stream: Readable, maximumBytes: number): AsyncGenerator<string> {
  // A mark of the byte order at the start (U+FEFF), as some editors write it, is not kept.
  const decoder = new TextDecoder();
  const turns = new TimeSlice();
  let pieces: Buffer[] = [];
  let held = 0;
  let blankBytes = 0;
  for await (const piece of piecesOf(stream)) {
    let start = 0;
    while (true) {
      const from = start;
      if (held === 0) while (isBlank(piece[start])) start++;
      blankBytes += start - from;
      if (blankBytes > mostBlankBytes) throw tooManyBlanks();
      const end = piece.indexOf(lineFeed, start);
      if (end < 0) break;
      const line = decoder.decode(Buffer.concat([...pieces, piece.subarray(start, end)]));
      pieces = [];
      held = 0;
      blankBytes = line.trim() === '' ? blankBytes + end - start : 0;
      start = end + 1;
      if (blankBytes > 0) continue;
      await turns.share();
      yield line;
    }
    pieces.push(piece.subarray(start));
    held += piece.length - start;
    if (held > maximumBytes) throw tooLarge(maximumBytes);
  }
  const last = decoder.decode(Buffer.concat(pieces));
  if (last.trim() !== '') yield last;
}

function tooManyBlanks(): TandemError {
  return new TandemError(
    'invalid-request',
    `there are more than ${mostBlankBytes} bytes of blank lines in a row`,
    {
      fix: 'Send one JSON object a line.',
    },
  );
}
