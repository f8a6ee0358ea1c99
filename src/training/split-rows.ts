import { TandemError } from '../errors.ts';
import type { Dataset } from './dataset/dataset.ts';
import type { SplitRows } from './fit.ts';
import { type SplitMethod, splitExamples } from './split.ts';
import { strataOf } from './targets.ts';

/**
 * Row numbers of the two sides of a dataset's split.
 * @throws TandemError `invalid-dataset` where either side is empty
 */
export function splitRows(
  dataset: Dataset,
  { seed, testShare, splitBy }: { seed: number; testShare: number; splitBy?: SplitMethod },
): SplitRows {
  const { name, examples } = dataset;
  const strata = strataOf(dataset);
  const numbered = examples.map((example, row) => ({ ...example, label: strata[row], row }));
  const { train, test } = splitExamples(numbered, { seed, testShare, method: splitBy });
  if (train.length === 0 || test.length === 0)
    throw new TandemError(
      'invalid-dataset',
      `${name} has ${train.length} examples to train on and ${test.length} to test on; it needs both`,
    );
  return { train: train.map(({ row }) => row), test: test.map(({ row }) => row) };
}
