import { quote } from '../../quote.ts';
import { distinctLabels, labelLimits } from '../../targets/labels.ts';
import type { TargetKind } from '../../targets/target.ts';
import { targets } from '../../targets/targets.ts';
import { keyOf, type Truth } from '../../targets/truth.ts';
import type { ColumnNames, FoundExample } from '../example.ts';
import type { Problems } from '../read/problems.ts';

/** What a dataset is read for: to train a head, or to measure one that is there. */
export type DatasetPurpose = 'training' | 'measuring';

/**
 * Checks that there are examples, and for a training also that there is something to learn from them, and to test it
 * on.
 */
export function checkLabels(
  examples: readonly FoundExample[],
  { dataset, purpose, target }: { dataset: string; purpose: DatasetPurpose; target: TargetKind },
  problems: Problems,
): void {
  checkDistinctLabels(truthsOf(examples), dataset, problems);
  if (examples.length === 0) problems.add(dataset, 'there are no examples');
  else if (purpose === 'training')
    targets[target].check(examples, dataset, (at, detail) => problems.add(at, detail));
}

/** Lists of datasets and the answers of heads name every label. */
function checkDistinctLabels(truths: readonly Truth[], dataset: string, problems: Problems): void {
  const labels = distinctLabels(truths);
  const characters = labels.reduce((sum, { length }) => sum + length, 0);
  if (labels.length > labelLimits.labels || characters > labelLimits.labelText)
    problems.add(
      dataset,
      `there are ${labels.length} different labels of ${characters} characters together; ${labelLimits.labels} labels of ${labelLimits.labelText} characters are the limit`,
    );
}

/** Notes labels that may not be meant as they were read. */
export function noteLabels(
  examples: readonly FoundExample[],
  { target, labelSeparator }: Pick<ColumnNames, 'target' | 'labelSeparator'>,
  notes: string[],
): void {
  const truths = truthsOf(examples);
  const alike = [...Map.groupBy(distinctLabels(truths), sameness).values()].filter(
    (group) => group.length > 1,
  );
  for (const group of alike.slice(0, 3))
    notes.push(
      `the labels ${group
        .slice(0, 3)
        .map((label) => quote(label))
        .join(' and ')} differ only in how they are written; they are learnt as ${group.length}`,
    );
  notes.push(...targets[target].hints(truths, labelSeparator));
}

function sameness(label: string): string {
  return label.normalize('NFKC').trim().toLowerCase();
}

/**
 * Notes what a person would want to know about examples that are the same.
 * @param contentOf answers the same for twins
 */
export function noteTwins<Twin extends FoundExample>(
  examples: Twin[],
  contentOf: (example: Twin) => string,
  notes: string[],
): void {
  const groups = [...Map.groupBy(examples, contentOf).values()].filter((group) => group.length > 1);
  const contradicting = groups.flatMap(([first, ...others]) => {
    const other = first && others.find(({ truth }) => keyOf(truth) !== keyOf(first.truth));
    return other ? [{ first, other }] : [];
  });
  const [example] = contradicting;
  if (example)
    notes.push(
      `${count(contradicting)} with the same content but different labels, such as ${example.first.at} and ${example.other.at}`,
    );
  const leaking = groups.filter((group) => new Set(group.map(({ split }) => split ?? 'train')).size > 1);
  if (leaking.length > 0)
    notes.push(`${count(leaking)} with the same content in both train and test: the test will look too good`);
}

function count(groups: unknown[]): string {
  return groups.length === 1 ? 'a group of examples' : `${groups.length} groups of examples`;
}

function truthsOf(examples: readonly FoundExample[]): Truth[] {
  return examples.map(({ truth }) => truth);
}
