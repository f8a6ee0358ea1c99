import { FileCell } from '../../modalities/file-cell.ts';
import { readWrittenList } from '../../written-list.ts';
import { isAddress } from './find-file.ts';

/** A name with an extension, as files have it. */
const fileName = /^[^|]+\.[a-z0-9]{2,5}$/i;
/**
 * The files of a cell that has a list of them: an array, one that is written as JSON or as Python writes it, or names
 * with `|` between them.
 * @returns undefined where the cell is no list
 * @example filesIn('a.jpg|b.jpg') // ['a.jpg', 'b.jpg']
 */
export function filesIn(value: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value.filter(isFile);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const written = readWrittenList(text);
  if (written) return written.filter(isFile);
  if (!text.includes('|')) return undefined;
  const names = text.split('|').map((name) => name.trim());
  return names.every((name) => fileName.test(name) || isAddress(name)) ? names : undefined;
}

function isFile(item: unknown): boolean {
  return item instanceof FileCell || (typeof item === 'string' && item.trim() !== '');
}
