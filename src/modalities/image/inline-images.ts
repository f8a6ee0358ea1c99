import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../../errors.ts';
import { FileCell } from '../file-cell.ts';
import type { FoundFile, InlineFile, MakeFolder } from '../modality.ts';
import { decodeBase64Image } from './base64.ts';

/** How PNG, JPEG, WebP, GIF and TIFF begin in base64, at a length that no file's name has; or anything longer in its letters. */
const base64Image = /^((iVBORw0KGgo|\/9j\/|UklGR|R0lGOD|SUkqA|TU0AK)[A-Za-z0-9+/]{50}|[A-Za-z0-9+/]{256})/;

/** Whether a value of the image column is the image itself, as bytes, a data URL or base64, and no file's name. */
export function isInlineImage(value: unknown): value is InlineFile {
  if (value instanceof FileCell) return true;
  return typeof value === 'string' && (/^data:/i.test(value) || base64Image.test(value));
}

/** The bytes of such an image. @throws TandemError `invalid-image` */
export function inlineImageBytes(value: InlineFile): Uint8Array {
  if (value instanceof FileCell) return value.bytes;
  return decodeBase64Image(value.trim());
}

/**
 * Puts an image that stands in a table into a file, named by its content.
 * @param makeFolder where to; undefined where nothing may be written, and then it is a problem
 */
export async function extractInlineImage(
  value: InlineFile,
  makeFolder: MakeFolder | undefined,
): Promise<FoundFile> {
  if (makeFolder === undefined)
    return { problem: 'the image stands in the table itself; import the dataset, then train on it' };
  try {
    const bytes = inlineImageBytes(value);
    const folder = await makeFolder();
    const file = path.join(folder, createHash('sha256').update(bytes).digest('hex'));
    await mkdir(folder, { recursive: true });
    await writeFile(file, bytes);
    return { path: file };
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return { problem: `the image cannot be used: ${error.message}` };
  }
}
