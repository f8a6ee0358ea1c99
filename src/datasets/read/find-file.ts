import type { FoundFile } from '../../modalities/modality.ts';
import { quote } from '../../quote.ts';
import { findInside } from './inside.ts';

/** Downloads a file, or finds it where it was downloaded before. */
export type FetchFile = (address: string) => Promise<FoundFile>;

/** @example isAddress('https://example.org/cat.jpg') // true */
export function isAddress(name: unknown): name is string {
  return typeof name === 'string' && /^\s*https?:\/\//i.test(name);
}

/**
 * Finds a file that a table names: one of the dataset's own, see {@link findInside}, or at an address.
 * @param reading without `fetchFile`, addresses are a problem
 * @returns the absolute path, or what is wrong in words
 */
export async function findFile(
  reading: { root: string; followLinks: boolean; fetchFile?: FetchFile },
  folder: string,
  name: string,
): Promise<FoundFile> {
  if (!isAddress(name)) return findInside(reading, folder, name);
  if (reading.fetchFile) return reading.fetchFile(name.trim());
  return { problem: `${quote(name)} is an address, which only --fetch-images of the command line downloads` };
}
