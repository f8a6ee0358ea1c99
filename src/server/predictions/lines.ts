import type { Readable } from 'node:stream';
import { tooLarge } from '../body-bytes.ts';

const lineFeed = 0x0a;

/**
 * The lines of a stream of UTF-8, without their ends and without the blank ones. Every byte is looked at once, however
 * long a line is and in however many pieces it comes.
 * @param maximumBytes of a line
 * @throws TandemError `payload-too-large` where a line is longer and its end is not in sight; one whose end came with the
 * same piece is still given, for its reader to refuse it alone
 * @example for await (const line of linesOf(request, 20 * 2 ** 20)) JSON.parse(line);
 */
export async function* linesOf(stream: Readable, maximumBytes: number): AsyncGenerator<string> {
  // A mark of the byte order at the start (U+FEFF), as some editors write it, is not kept.
  const decoder = new TextDecoder();
  let pieces: Buffer[] = [];
  let held = 0;
  // The stream stays open at an error: the caller is still to be answered on it.
  const given: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
  for await (const piece of given) {
    let start = 0;
    for (let end = piece.indexOf(lineFeed); end >= 0; end = piece.indexOf(lineFeed, start)) {
      const line = decoder.decode(Buffer.concat([...pieces, piece.subarray(start, end)]));
      pieces = [];
      held = 0;
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    pieces.push(piece.subarray(start));
    held += piece.length - start;
    if (held > maximumBytes) throw tooLarge(maximumBytes);
  }
  const last = decoder.decode(Buffer.concat(pieces));
  if (last.trim() !== '') yield last;
}
