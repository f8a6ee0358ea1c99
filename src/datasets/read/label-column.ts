import type { Cell, Problem } from '../../targets/target.ts';
import { targets } from '../../targets/targets.ts';
import type { Truth } from '../../targets/truth.ts';
import type { ColumnNames } from '../example.ts';
import { readText } from './plain-value.ts';

/**
 * Reads what a row says is to be learnt.
 * @returns the truth as an example has it, or what is wrong in words
 * @example
 * readTruth(' cat ', { labelColumn: 'label', target: 'single', labelSeparator: '|' }); // { class: 'cat' }
 * readTruth('red|big', { labelColumn: 'label', target: 'multi', labelSeparator: '|' }); // { classes: ['big', 'red'] }
 * readTruth(['R|B', 'red'], { labelColumn: 'label', target: 'multi', labelSeparator: '|' }); // { classes: ['R|B', 'red'] }
 */
export function readTruth(
  value: unknown,
  { labelColumn, target, labelSeparator }: Pick<ColumnNames, 'labelColumn' | 'target' | 'labelSeparator'>,
): Truth | Problem {
  const cell: Cell = Array.isArray(value) ? value.map(readText) : readText(value);
  return targets[target].read(cell, { name: `"${labelColumn}"`, separator: labelSeparator });
}
