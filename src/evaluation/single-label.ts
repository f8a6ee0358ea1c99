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
  const bins = Array.from({ length: calibrationBins }, () => ({ confidence: 0, right: 0 }));
  let right = 0;
  let logLikelihood = 0;
  for (const [index, row] of probabilities.entries()) {
    const label = labels[index];
    const predicted = largestIndex(row);
    const isRight = predicted === label;
    right += Number(isRight);
    countsOf(label).actual++;
    countsOf(predicted).predicted++;
    if (isRight) countsOf(label).right++;
    logLikelihood += Math.log(Math.max(row[label], 1e-12));
    const bin = bins[Math.min(calibrationBins - 1, Math.floor(row[predicted] * calibrationBins))];
    bin.confidence += row[predicted];
    bin.right += Number(isRight);
  }
  const f1 = [...counts.values()].map((count) => (2 * count.right) / (count.predicted + count.actual));
  return {
    examples,
    accuracy: right / examples,
    macroF1: f1.reduce((sum, value) => sum + value, 0) / f1.length,
    negativeLogLikelihood: -logLikelihood / examples,
    calibrationError: bins.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.right), 0) / examples,
  };
}

/** Index of the largest element, the first where several are. */
export function largestIndex(row: ArrayLike<number>): number {
  let best = 0;
  for (let index = 1; index < row.length; index++) if (row[index] > row[best]) best = index;
  return best;
}
