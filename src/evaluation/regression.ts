import type { NumberMetrics } from './metrics.ts';

/** Figures of answers that are numbers, in the unit of the truth. */
export function evaluateNumbers(answers: readonly number[], truth: readonly number[]): NumberMetrics {
  const count = truth.length;
  const differences = answers.map((answer, row) => answer - (truth[row] ?? Number.NaN));
  const centre = centreOf(truth);
  const spread = truth.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  const squares = differences.reduce((sum, difference) => sum + difference ** 2, 0);
  return {
    examples: count,
    rootMeanSquareError: Math.sqrt(squares / count),
    meanAbsoluteError: differences.reduce((sum, difference) => sum + Math.abs(difference), 0) / count,
    determination: spread === 0 ? 0 : 1 - squares / spread,
    rankCorrelation: correlation(ranks(answers), ranks(truth)),
  };
}

/** Pearson's; 0 where either never changes. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [centreOf(a), centreOf(b)];
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const other = (b[index] ?? Number.NaN) - meanB;
    product += (value - meanA) * other;
    squaresA += (value - meanA) ** 2;
    squaresB += other ** 2;
  }
  return squaresA * squaresB === 0 ? 0 : product / Math.sqrt(squaresA * squaresB);
}

function centreOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value / values.length, 0);
}

/** Equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const result = new Array<number>(values.length);
  for (let first = 0; first < order.length; ) {
    const value = order[first]?.value;
    let end = first + 1;
    while (end < order.length && order[end]?.value === value) end++;
    for (const { index } of order.slice(first, end)) result[index] = (first + end - 1) / 2;
    first = end;
  }
  return result;
}
