import { createReadStream } from 'node:fs';
import { problemOfPermissions } from '../../store/files/permissions.ts';
import { countLines, decodingOf, type OnEncoding, type TextDecoding, TextProblem } from './text-encoding.ts';

/**
 * Reads a UTF-8 file piece by piece, with or without a byte order mark. Line ends come out as `\n`.
 * @param onEncoding told where the file is UTF-16 or Windows-1252; without it that is a problem
 * @throws TextProblem where the file is in another encoding, or may not be read
 * @example for await (const text of readText('metadata.csv')) …
 */
export async function* readText(path: string, onEncoding?: OnEncoding): AsyncGenerator<string> {
  let decoding: TextDecoding | undefined;
  let row = 1;
  let endedInReturn = false;
  const normalize = (decoded: string) => {
    const zero = decoded.indexOf('\0');
    if (zero >= 0)
      throw new TextProblem(
        'a zero byte stands in the text; remove it',
        row + countLines(decoded.slice(0, zero)),
      );
    let text = decoded;
    if (endedInReturn && text.startsWith('\n')) text = text.slice(1);
    endedInReturn = decoded === '' ? endedInReturn : text.endsWith('\r');
    text = text.replaceAll(/\r\n?/g, '\n');
    row += countLines(text);
    return text;
  };
  for await (const piece of readPieces(path)) {
    decoding ??= decodingOf(piece, onEncoding);
    yield normalize(decoding.take(piece, row));
  }
  const rest = decoding?.end(row) ?? '';
  if (rest !== '') yield normalize(rest);
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
export async function* readLines(
  path: string,
  longest: number,
  onEncoding?: OnEncoding,
): AsyncGenerator<string> {
  let rest: string[] = [];
  let length = 0;
  let row = 1;
  for await (const text of readText(path, onEncoding)) {
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
