import { stat } from 'node:fs/promises';
import { TextProblem } from './text-encoding.ts';
import { readText } from './text-stream.ts';

/**
 * Reads a UTF-8 file, with or without a byte order mark. Line ends come out as `\n`.
 * @returns the text, or what is wrong in words
 */
export async function readTextFile(
  path: string,
  maximumBytes: number,
): Promise<{ text: string } | { problem: string }> {
  const { size } = await stat(path);
  if (size > maximumBytes) return { problem: `the file is larger than ${maximumBytes / 2 ** 20} MiB` };
  try {
    return { text: (await Array.fromAsync(readText(path))).join('') };
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    return { problem: error.message };
  }
}
