import { ownLabels } from '../../targets/labels-in.ts';
import type { ColumnNames, FoundExample } from '../example.ts';
import { quote } from '../read/quote.ts';

type Labelled = Pick<FoundExample, 'label'>;

/** Fewer different numbers may well be the names of classes. */
const fewestNumbers = 10;

/** How to say that labels are numbers, where each is taken for the name of a class. */
export const numbersHint =
  'every label is a number and taken for the name of a class; to learn numbers, add --target regression (over HTTP, target)';

/** Whether single labels look like numbers to learn. */
export function lookLikeNumbers(examples: readonly Labelled[]): boolean {
  const labels = new Set(examples.map(({ label }) => label));
  return labels.size >= fewestNumbers && [...labels].every((label) => /^-?\d*\.?\d+(e-?\d+)?$/i.test(label));
}

/** Notes labels that may not be meant as they are read. */
export function noteLabels(
  examples: readonly Labelled[],
  reading: Pick<ColumnNames, 'target' | 'labelSeparator'>,
  notes: string[],
): void {
  const { target, labelSeparator } = reading;
  if (target === 'regression') return;
  const labels = new Set(examples.flatMap(({ label }) => ownLabels(label, reading)));
  const alike = [...Map.groupBy(labels, sameness).values()].filter((group) => group.length > 1);
  for (const group of alike.slice(0, 3))
    notes.push(
      `the labels ${group.slice(0, 3).map(quote).join(' and ')} differ only in how they are written; they are learnt as ${group.length}`,
    );
  if (target === 'multi') return;
  if (lookLikeNumbers(examples)) notes.push(numbersHint);
  const joined = [...labels].find((label) => label.includes(labelSeparator));
  if (joined !== undefined)
    notes.push(
      `the label ${quote(joined)} is taken as one; to learn several of an example, add --target multi (over HTTP, target)`,
    );
}

function sameness(label: string): string {
  return label.normalize('NFKC').trim().toLowerCase();
}
