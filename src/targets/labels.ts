import { hasControlCharacters, quote } from '../quote.ts';
import { labelsOf, type Truth } from './truth.ts';

/** What no dataset needs and only a broken or hostile one has. */
export const labelLimits = {
  /** Characters of one label. */
  label: 500,
  labelsOfExample: 1000,
  /** Different labels, and the characters of all of these together. */
  labels: 100_000,
  labelText: 2 ** 21,
};

/** What is wrong with a label whatever the target, in words. */
export function problemOfLabel(label: string): string | undefined {
  if (label.length > labelLimits.label)
    return `the label has ${label.length} characters; ${labelLimits.label} are the limit`;
  return hasControlCharacters(label) ? `the label ${quote(label)} has control characters in it` : undefined;
}

/** Every label once, in order of code units. */
export function distinctLabels(truths: readonly Truth[]): string[] {
  const labels = new Set<string>();
  for (const truth of truths) for (const label of labelsOf(truth)) labels.add(label);
  return [...labels].sort();
}

/** What is wrong with a label that no example to train on has. */
export const onlyTested = 'all its examples are marked for testing: there is none to learn from';
