import type { TargetKind } from './target.ts';

/**
 * The labels of an example: its one, or several.
 * @example ownLabels('big|red', { target: 'multi', labelSeparator: '|' }) // ['big', 'red']
 */
export function ownLabels(
  label: string,
  { target, labelSeparator }: { target: TargetKind; labelSeparator: string },
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
