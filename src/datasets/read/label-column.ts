import { labelsIn } from '../../targets/labels-in.ts';
import type { ColumnNames } from '../example.ts';
import { readText } from './plain-value.ts';
import { hasControlCharacters, quote } from './quote.ts';
import { tableLimits } from './table-row.ts';

/**
 * Reads what a row says is to be learnt.
 * @returns the label as an example has it, or what is wrong in words
 * @example
 * readLabel(' cat ', { labelColumn: 'label', target: 'single', labelSeparator: '|' }); // { label: 'cat' }
 * readLabel('red|big', { labelColumn: 'label', target: 'multi', labelSeparator: '|' }); // { label: 'big|red' }
 */
export function readLabel(
  value: unknown,
  { labelColumn, target, labelSeparator }: Pick<ColumnNames, 'labelColumn' | 'target' | 'labelSeparator'>,
): { label: string } | { problem: string } {
  const several = target === 'multi' && Array.isArray(value) ? value : [value];
  const texts = several.map(readText);
  if (texts.includes(null)) return { problem: `the value of "${labelColumn}" is neither text nor a number` };
  const label = texts.join(labelSeparator).normalize('NFC');
  if (target === 'multi') {
    const labels = new Set(labelsIn(label, labelSeparator));
    if (labels.size > tableLimits.labelsOfExample)
      return { problem: `there are ${labels.size} labels; ${tableLimits.labelsOfExample} are the limit` };
    const problem = labels.values().map(problemOfLabel).find(Boolean);
    if (problem !== undefined) return { problem };
    return { label: [...labels].sort().join(labelSeparator) };
  }
  const problem = problemOfLabel(label);
  if (problem !== undefined) return { problem };
  if (!label) return { problem: `no label: "${labelColumn}" is empty` };
  if (target === 'regression' && !isNumber(label))
    return { problem: `"${labelColumn}" is ${quote(label)}, not a number` };
  return { label };
}

/** What is wrong with a label whatever the target, in words. */
export function problemOfLabel(label: string): string | undefined {
  if (label.length > tableLimits.label)
    return `the label has ${label.length} characters; ${tableLimits.label} are the limit`;
  return hasControlCharacters(label) ? `the label ${quote(label)} has control characters in it` : undefined;
}

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text));
}
