import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../../errors.ts';
import type { FoundFile } from '../modality.ts';
import { decodeBase64Picture } from './base64.ts';

/** How PNG, JPEG and WebP begin in base64, at a length that no file's name has; or anything longer in its letters. */
const base64Picture = /^((iVBORw0KGgo|\/9j\/|UklGR)[A-Za-z0-9+/]{50}|[A-Za-z0-9+/]{256})/;

/** Whether a value of the picture column is the picture itself, as a data URL or as base64, and no file's name. */
export function isInlinePicture(value: unknown): value is string {
  return typeof value === 'string' && (/^data:/i.test(value) || base64Picture.test(value));
}

/**
 * Puts a picture that stands in a table into a file, named by its content.
 * @param folder where to; undefined where nothing may be written, and then it is a problem
 */
export async function extractInlinePicture(value: string, folder: string | undefined): Promise<FoundFile> {
  if (folder === undefined)
    return { problem: 'the picture stands in the table itself; import the dataset, then train on it' };
  try {
    const bytes = decodeBase64Picture(value.trim());
    const file = path.join(folder, createHash('sha256').update(bytes).digest('hex'));
    await mkdir(folder, { recursive: true });
    await writeFile(file, bytes);
    return { path: file };
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return { problem: `the picture cannot be used: ${error.message}` };
  }
}
