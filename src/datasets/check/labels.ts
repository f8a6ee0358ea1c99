import { labelsIn, ownLabels } from '../../targets/labels-in.ts';
import type { TargetKind } from '../../targets/target.ts';
import type { ColumnNames, FoundExample } from '../example.ts';
import { checkNumbers, checkRange } from '../read/numbers.ts';
import type { Problems } from '../read/problems.ts';
import { shorten } from '../read/quote.ts';
import { tableLimits } from '../read/table-row.ts';
import { lookLikeNumbers, numbersHint } from './label-hints.ts';

type LabelReading = Pick<ColumnNames, 'target' | 'labelSeparator'>;

/** What a head for the examples can say. */
export function labelsOf(
  examples: readonly { label: string }[],
  { target, labelSeparator, labelColumn }: LabelReading & Pick<ColumnNames, 'labelColumn'>,
): string[] {
  if (target === 'regression') return [labelColumn];
  const labels = examples.flatMap(({ label }) => ownLabels(label, { target, labelSeparator }));
  return [...new Set(labels)].sort();
}

const onlyTested = 'all its examples are marked for testing: there is none to learn from';

/** What a dataset is read for: to train a head, or to measure one that is there. */
export type DatasetPurpose = 'training' | 'measuring';

/**
 * Checks that there are examples, and for a training also that there is something to tell apart, and enough of each
 * label to both learn and test it.
 */
export function checkLabels(
  examples: FoundExample[],
  { dataset, purpose, ...reading }: LabelReading & { dataset: string; purpose: DatasetPurpose },
  problems: Problems,
): void {
  checkDistinctLabels(examples, { dataset, ...reading }, problems);
  if (examples.length === 0) problems.add(dataset, 'there are no examples');
  else if (purpose === 'measuring') {
    // One label alone, or a single example, can be measured.
  } else if (reading.target === 'single') checkSingleLabels(examples, dataset, problems);
  else if (new Set(examples.map(({ label }) => meaningOf(label, reading.target))).size === 1)
    problems.add(
      dataset,
      `every example has the same ${reading.target === 'multi' ? 'labels' : 'number'}, "${shorten(examples[0].label)}"; there is nothing to learn`,
    );
  if (reading.target === 'multi' && purpose === 'training') checkSeveralLabels(examples, reading, problems);
  if (reading.target !== 'regression') return;
  checkNumbers(examples, problems);
  if (purpose === 'training') checkRange(examples, dataset, problems);
}

/** Lists of datasets and the answers of heads name every label. */
function checkDistinctLabels(
  examples: readonly FoundExample[],
  { dataset, ...reading }: LabelReading & { dataset: string },
  problems: Problems,
): void {
  if (reading.target === 'regression') return;
  const labels = new Set<string>();
  for (const { label } of examples) for (const own of ownLabels(label, reading)) labels.add(own);
  const characters = labels.values().reduce((sum, { length }) => sum + length, 0);
  if (labels.size > tableLimits.labels || characters > tableLimits.labelText)
    problems.add(
      dataset,
      `there are ${labels.size} different labels of ${characters} characters together; ${tableLimits.labels} labels of ${tableLimits.labelText} characters are the limit`,
    );
}

function checkSeveralLabels(
  examples: readonly FoundExample[],
  { labelSeparator }: LabelReading,
  problems: Problems,
): void {
  const trained = new Set<string>();
  const all = new Set<string>();
  for (const { label, split } of examples)
    for (const own of labelsIn(label, labelSeparator)) {
      all.add(own);
      if (split !== 'test') trained.add(own);
    }
  for (const label of all) if (!trained.has(label)) problems.add(`label "${shorten(label)}"`, onlyTested);
}

function checkSingleLabels(examples: FoundExample[], dataset: string, problems: Problems): void {
  const byLabel = Map.groupBy(examples, ({ label }) => label);
  if (byLabel.size === 1)
    problems.add(dataset, `every example has the label "${shorten(examples[0].label)}"; two are needed`);
  const isLonely = byLabel.values().some(({ length }) => length === 1);
  if (isLonely && lookLikeNumbers(examples)) problems.add(dataset, numbersHint);
  for (const [label, [first, ...others]] of byLabel) {
    if (others.length === 0) {
      problems.add(first!.at, `the only example of the label "${shorten(label)}"; a label needs at least 2`);
    } else if ([first!, ...others].every(({ split }) => split === 'test')) {
      problems.add(`label "${shorten(label)}"`, onlyTested);
    }
  }
}

/** 1 and 1.0 are the same number. */
function meaningOf(label: string, target: TargetKind): string | number {
  return target === 'regression' ? Number(label) : label;
}

/**
 * Notes what a person would want to know about examples that are the same.
 * @param contentOf answers the same for twins
 */
export function noteTwins<Twin extends FoundExample>(
  examples: Twin[],
  { contentOf, target }: { contentOf(example: Twin): string; target: TargetKind },
  notes: string[],
): void {
  const meaning = ({ label }: Twin) => meaningOf(label, target);
  const groups = [...Map.groupBy(examples, contentOf).values()].filter((group) => group.length > 1);
  const contradicting = groups.filter((group) => group.some((twin) => meaning(twin) !== meaning(group[0])));
  if (contradicting.length > 0) {
    const [first, ...others] = contradicting[0];
    const where = `${first.at} and ${others.find((twin) => meaning(twin) !== meaning(first))?.at}`;
    notes.push(`${count(contradicting)} with the same content but different labels, such as ${where}`);
  }
  const leaking = groups.filter((group) => new Set(group.map(({ split }) => split ?? 'train')).size > 1);
  if (leaking.length > 0) {
    notes.push(`${count(leaking)} with the same content in both train and test: the test will look too good`);
  }
}

function count(groups: unknown[]): string {
  return groups.length === 1 ? 'a group of examples' : `${groups.length} groups of examples`;
}
