import { InvalidArgumentError } from 'commander';

export function count(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
}

/** @example wholes('0,8'); // [0, 8] */
export function wholes(text: string): number[] {
  return text.split(',').map((part) => (part === '0' ? 0 : count(part)));
}

/** @example counts('64,256'); // [64, 256] */
export function counts(text: string): number[] {
  return text.split(',').map(count);
}

/** @example words('--engines 2') // ['--engines', '2'] */
export function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
