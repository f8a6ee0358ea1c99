import { quote } from '../../quote.ts';
import { distinctLabels, labelLimits } from '../../targets/labels.ts';
import { targets } from '../../targets/targets.ts';
import { keyOf, type Truth } from '../../targets/truth.ts';
import type { ColumnNames, FoundExample } from '../example.ts';
import type { Findings } from '../read/findings.ts';
import type { DatasetPurpose } from '../read/reading.ts';

/**
 * Checks that there are examples, and for a training also that there is something to learn from them, and to test it
 * on.
 */
export function checkLabels(
  examples: readonly FoundExample[],
  {
    dataset,
    purpose,
    columns: { target, rareLabels },
  }: { dataset: string; purpose: DatasetPurpose; columns: Pick<ColumnNames, 'target' | 'rareLabels'> },
  findings: Findings,
): void {
  checkDistinctLabels(truthsOf(examples), dataset, findings);
  if (examples.length === 0) findings.addProblem(dataset, 'there are no examples');
  else if (purpose === 'training')
    targets[target].check(examples, dataset, (at, detail) => findings.addProblem(at, detail), {
      keepsRareLabels: rareLabels === 'keep',
    });
}

/** Lists of datasets and the answers of heads name every label. */
function checkDistinctLabels(truths: readonly Truth[], dataset: string, findings: Findings): void {
  const labels = distinctLabels(truths);
  const characters = labels.reduce((sum, { length }) => sum + length, 0);
  if (labels.length > labelLimits.labels || characters > labelLimits.labelText)
    findings.addProblem(
      dataset,
      `there are ${labels.length} different labels of ${characters} characters together; ${labelLimits.labels} labels of ${labelLimits.labelText} characters are the limit`,
    );
}

/** Notes about labels that may not be meant as they were read. */
export function noteLabels(
  examples: readonly FoundExample[],
  { target, labelSeparator }: Pick<ColumnNames, 'target' | 'labelSeparator'>,
): string[] {
  const truths = truthsOf(examples);
  const alike = [...Map.groupBy(distinctLabels(truths), sameness).values()].filter(
    (group) => group.length > 1,
  );
  return [
    ...alike.slice(0, 3).map((group) => {
      const shown = group.slice(0, 3).map((label) => quote(label));
      return `the labels ${shown.join(' and ')} differ only in how they are written; they are learnt as ${group.length}`;
    }),
    ...targets[target].hints(truths, labelSeparator),
  ];
}

function sameness(label: string): string {
  return label.normalize('NFKC').trim().toLowerCase();
}

/**
 * Notes about examples that are the same, which a person would want to know.
 * @param contentOf answers the same for twins
 */
export function noteTwins<Twin extends FoundExample>(
  examples: Twin[],
  contentOf: (example: Twin) => string,
): string[] {
  const groups = [...Map.groupBy(examples, contentOf).values()].filter((group) => group.length > 1);
  const notes = [...noteRepeated(groups), ...noteContradicting(groups)];
  const leaking = groups.filter((group) => new Set(group.map(({ split }) => split ?? 'train')).size > 1);
  if (leaking.length > 0)
    notes.push(`${count(leaking)} with the same content in both train and test: the test will look too good`);
  return notes;
}

/** Examples that say what an earlier one says, and so count twice. */
function noteRepeated(groups: readonly FoundExample[][]): string[] {
  const repeated = groups.flatMap((group) =>
    [...Map.groupBy(group, ({ truth }) => keyOf(truth)).values()].flatMap(([first, ...others]) =>
      first ? others.map((other) => ({ first, other })) : [],
    ),
  );
  const [pair] = repeated;
  if (!pair) return [];
  const what = repeated.length === 1 ? 'example repeats' : 'examples repeat';
  return [
    `${repeated.length} ${what} an earlier one, label included, such as ${pair.other.at} and ${pair.first.at}`,
  ];
}

function noteContradicting(groups: readonly FoundExample[][]): string[] {
  const contradicting = groups.flatMap((group) => {
    const [first, ...others] = group;
    const other = first && others.find(({ truth }) => keyOf(truth) !== keyOf(first.truth));
    return other ? [{ first, other, examples: group.length }] : [];
  });
  const [pair] = contradicting;
  if (!pair) return [];
  const examples = contradicting.reduce((sum, each) => sum + each.examples, 0);
  return [
    `${count(contradicting)} (${examples} examples) with the same content but different labels, such as ${pair.first.at} and ${pair.other.at}`,
  ];
}

function count(groups: unknown[]): string {
  return groups.length === 1 ? 'a group of examples' : `${groups.length} groups of examples`;
}

function truthsOf(examples: readonly FoundExample[]): Truth[] {
  return examples.map(({ truth }) => truth);
}
