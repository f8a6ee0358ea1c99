import type { ColumnNames } from './example.ts';
import { readText } from './value.ts';

/**
 * Reads what a row says is to be learnt.
 * @returns the label as an example has it, or what is wrong in words
 * @example
 * readLabel(' cat ', { labelColumn: 'label', target: 'single', labelSeparator: '|' }); // { label: 'cat' }
 * readLabel('red|big', { labelColumn: 'label', target: 'multi', labelSeparator: '|' }); // { label: 'big|red' }
 */
export function readLabel(
  value: unknown,
  { labelColumn, target, labelSeparator }: Omit<ColumnNames, 'imageColumn' | 'textColumn'>,
): { label: string } | { problem: string } {
  const several = target === 'multi' && Array.isArray(value) ? value : [value];
  const texts = several.map(readText);
  if (texts.includes(null)) return { problem: `the value of "${labelColumn}" is neither text nor a number` };
  const label = texts.join(labelSeparator).normalize('NFC');
  if (target === 'multi') {
    const labels = new Set(labelsIn(label, labelSeparator));
    return { label: [...labels].sort().join(labelSeparator) };
  }
  if (!label) return { problem: `no label: "${labelColumn}" is empty` };
  if (target === 'regression' && !isNumber(label))
    return { problem: `"${labelColumn}" is ${JSON.stringify(label)}, not a number` };
  return { label };
}

/**
 * The labels of an example: its one, or several.
 * @example ownLabels('big|red', { target: 'multi', labelSeparator: '|' }) // ['big', 'red']
 */
export function ownLabels(
  label: string,
  { target, labelSeparator }: Pick<ColumnNames, 'target' | 'labelSeparator'>,
): string[] {
  return target === 'multi' ? labelsIn(label, labelSeparator) : [label];
}

/** The labels of an example that may have several; none where it is empty. */
export function labelsIn(label: string, separator: string): string[] {
  return label
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text));
}
