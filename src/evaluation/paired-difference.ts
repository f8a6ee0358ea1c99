import { itemAt } from '../indexing.ts';

/** 97.5 % quantiles of Student's t distribution for 1, 2, 3 … degrees of freedom. */
const studentQuantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of a sample: divided by one less than its size. */
export function standardDeviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

export interface Difference {
  mean: number;
  /** Half the width of the 95 % interval of the mean. */
  margin: number;
  /** False where the interval covers zero. */
  isDifferent: boolean;
}

/**
 * The mean of paired differences `ours - theirs` over several random splits, with its 95 % interval by Student's t.
 * @param overlap examples tested on / examples trained on in each split. Splits of one dataset share examples, so their
 *   results vary less than those of fresh data would; the interval is widened for it (Nadeau and Bengio 2003).
 * @throws RangeError where there are fewer than two pairs
 */
export function pairedDifference(
  ours: readonly number[],
  theirs: readonly number[],
  overlap: number,
): Difference {
  const count = ours.length;
  if (count < 2) throw new RangeError('a paired difference takes two pairs or more');
  const differences = ours.map((value, index) => value - itemAt(theirs, index));
  const quantile = itemAt(studentQuantiles, Math.min(count - 1, studentQuantiles.length) - 1);
  const margin = quantile * standardDeviation(differences) * Math.sqrt(1 / count + overlap);
  const centre = mean(differences);
  return { mean: centre, margin, isDifferent: Math.abs(centre) > margin };
}
