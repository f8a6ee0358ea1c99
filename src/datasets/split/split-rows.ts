import { TandemError } from '../../errors.ts';
import { itemAt } from '../../indexing.ts';
import { targets } from '../../targets/targets.ts';
import { keyOf, labelsOf } from '../../targets/truth.ts';
import type { Dataset, Example } from '../example.ts';
import { groupTwins } from './duplicates.ts';
import { type SplitMethod, splitExamples } from './split.ts';

/** Row numbers of the two sides of a split. */
export interface SplitRows {
  train: number[];
  test: number[];
}

/** How the test side is drawn, where the dataset has no split of its own. */
export interface SplitChoice {
  /** Fraction of the examples held out for evaluation; 0.2 by default. */
  testShare?: number;
  /** Label by label (the default), or each by its content, so that the split stays when the dataset grows. */
  splitBy?: SplitMethod;
}

/** Whether a dataset says itself which examples are for testing: then no test side is drawn. */
export function marksTest({ examples }: Pick<Dataset, 'examples'>): boolean {
  return examples.some(({ split }) => split === 'test');
}

/** What a person chose of a split that the dataset's own leaves without effect, as notes. */
export function noteSplit(dataset: Dataset, { testShare, splitBy }: SplitChoice): string[] {
  const chosen = [
    ...(testShare === undefined ? [] : ['--test-share (testShare)']),
    ...(splitBy === undefined ? [] : ['--split-by (splitBy)']),
  ];
  if (chosen.length === 0 || !marksTest(dataset)) return [];
  const marked = dataset.examples.filter(({ split }) => split === 'test').length;
  return [
    `${dataset.name} marks ${marked} examples for testing, so none are drawn: ${chosen.join(' and ')} had no effect`,
  ];
}

/**
 * Row numbers of the two sides of a dataset's split.
 * @throws TandemError `invalid-dataset` where either side is empty, or all examples to train on have the same truth
 */
export function splitRows(
  dataset: Dataset,
  { seed, testShare, splitBy }: SplitChoice & { seed: number },
): SplitRows {
  const { name, examples } = dataset;
  const target = targets[dataset.target];
  const strata = target.strata(examples.map(({ truth }) => truth));
  const numbered = examples.map((example, row) => ({ ...example, label: itemAt(strata, row), row }));
  const drawn = splitExamples(numbered, { seed, testShare, method: splitBy });
  const { train, test } = keepEveryLabelTrained(dataset, drawn);
  if (train.length === 0 || test.length === 0)
    throw new TandemError(
      'invalid-dataset',
      test.length === 0
        ? `${name} has ${train.length} examples to train on and none to test on: near copies stay on one side, and of no label are there two examples that differ and do not contradict each other; bring such examples`
        : `${name} has ${test.length} examples to test on and none to train on: its split column marks them all as test`,
    );
  const [first, ...others] = train;
  if (first && others.every(({ truth }) => keyOf(truth) === keyOf(first.truth)))
    throw new TandemError(
      'invalid-dataset',
      `${name} has ${train.length} examples to train on, all with ${target.describe(first.truth)}: there is nothing to learn; bring more examples, or mark others for testing`,
    );
  return { train: train.map(({ row }) => row), test: test.map(({ row }) => row) };
}

/**
 * Of several labels the rarest decides how an example is drawn, so another may have gone to the test side alone: what bears
 * it goes back, with its near copies. A side that the dataset itself gives stays as it is.
 */
function keepEveryLabelTrained<Numbered extends Pick<Example, 'row' | 'split' | 'truth'>>(
  { examples }: Dataset,
  { train, test }: { train: Numbered[]; test: Numbered[] },
): { train: Numbered[]; test: Numbered[] } {
  if (test.some(({ split }) => split === 'test')) return { train, test };
  const labelsAt = ({ truth }: Numbered) => labelsOf(truth);
  const trained = new Set(train.flatMap(labelsAt));
  if (test.every((example) => labelsAt(example).every((label) => trained.has(label)))) return { train, test };
  const twins = groupTwins(examples);
  const back = new Set<number>();
  for (const example of test) {
    const own = labelsAt(example);
    if (own.every((label) => trained.has(label))) continue;
    back.add(itemAt(twins, example.row));
    for (const label of own) trained.add(label);
  }
  const isBack = ({ row }: Numbered) => back.has(itemAt(twins, row));
  return {
    train: [...train, ...test.filter(isBack)].sort((a, b) => a.row - b.row),
    test: test.filter((example) => !isBack(example)),
  };
}
