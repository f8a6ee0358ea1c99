import { basename, extname } from 'node:path';
import { TandemError } from '../errors.ts';
import { hasControlCharacters } from '../quote.ts';

/** Characters of a dataset's name. */
const longestName = 200;

/** @throws TandemError `invalid-request` where a dataset cannot be called so */
export function checkDatasetName(name: string): void {
  const detail = hasControlCharacters(name)
    ? 'it has control characters in it'
    : name.length > longestName && `it has ${name.length} characters; ${longestName} are the limit`;
  if (detail)
    throw new TandemError('invalid-request', `name: ${detail}`, { items: [{ at: 'name', detail }] });
}

/** What a dataset is called that lies in a folder, unless its owner says. @example nameOfFolder('data/pets') // 'pets' */
export function nameOfFolder(folder: string): string {
  return plain(basename(folder));
}

/** The same of one file. @example nameOfFile('pets.tar.gz') // 'pets' */
export function nameOfFile(fileName: string): string {
  const whole = basename(fileName);
  const extension = extname(whole);
  const stem = whole.slice(0, whole.length - extension.length);
  return plain(/^\.t?gz$/i.test(extension) ? stem.replace(/\.tar$/i, '') : stem);
}

function plain(name: string): string {
  return name.replaceAll(/\p{Cc}/gu, '_').slice(0, longestName) || 'dataset';
}
