import type { LabelMetrics } from './metrics.ts';

const calibrationBins = 15;

/**
 * Accuracy, macro-F1 (over the classes that occur or are predicted), negative log likelihood and expected calibration
 * error (Guo et al. 2017, 15 bins).
 * @param probabilities one row of class probabilities for each example
 * @param labels index of each example's class
 */
export function evaluate(
  probabilities: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
): LabelMetrics {
  const examples = probabilities.length;
  const counts = new Map<number, { right: number; predicted: number; actual: number }>();
  const countsOf = (label: number) => {
    const known = counts.get(label) ?? { right: 0, predicted: 0, actual: 0 };
    counts.set(label, known);
    return known;
  };
  /** Of each bin, the sum of its confidences less its right answers. */
  const gaps = new Float64Array(calibrationBins);
  let right = 0;
  let logLikelihood = 0;
  for (const [index, row] of probabilities.entries()) {
    const label = labels[index] ?? Number.NaN;
    const predicted = largestIndex(row);
    const isRight = predicted === label;
    right += Number(isRight);
    countsOf(label).actual++;
    countsOf(predicted).predicted++;
    if (isRight) countsOf(label).right++;
    logLikelihood += Math.log(Math.max(row[label] ?? Number.NaN, 1e-12));
    const confidence = row[predicted] ?? Number.NaN;
    const bin = Math.min(calibrationBins - 1, Math.floor(confidence * calibrationBins));
    gaps[bin] = (gaps[bin] ?? 0) + confidence - Number(isRight);
  }
  const f1 = [...counts.values()].map((count) => (2 * count.right) / (count.predicted + count.actual));
  return {
    examples,
    accuracy: right / examples,
    macroF1: f1.reduce((sum, value) => sum + value, 0) / f1.length,
    negativeLogLikelihood: -logLikelihood / examples,
    calibrationError: gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / examples,
  };
}

/** Index of the largest element, the first where several are. */
export function largestIndex(row: ArrayLike<number>): number {
  let best = 0;
  let largest = row[0] ?? Number.NaN;
  for (let index = 1; index < row.length; index++) {
    const value = row[index] ?? Number.NaN;
    if (value > largest) {
      best = index;
      largest = value;
    }
  }
  return best;
}
