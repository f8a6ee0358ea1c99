import { readText } from './value.ts';

/**
 * Reads what a row says is to be learnt.
 * @param column name of the column, for the problem
 * @returns the label, or what is wrong in words
 * @example readLabel(' cat ', 'label'); // { label: 'cat' }
 */
export function readLabel(value: unknown, column: string): { label: string } | { problem: string } {
  const label = readText(value);
  if (label === null) return { problem: `the value of "${column}" is neither text nor a number` };
  return label ? { label: label.normalize('NFC') } : { problem: `no label: "${column}" is empty` };
}
