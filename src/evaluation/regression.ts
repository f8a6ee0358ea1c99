import type { NumberMetrics } from './metrics.ts';

/** Figures of answers that are numbers, in the unit of the truth. */
export function evaluateNumbers(answers: readonly number[], truth: readonly number[]): NumberMetrics {
  const count = truth.length;
  const differences = answers.map((answer, row) => answer - truth[row]);
  const centre = truth.reduce((sum, value) => sum + value / count, 0);
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
  const [meanA, meanB] = [a, b].map((values) =>
    values.reduce((sum, value) => sum + value / values.length, 0),
  );
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    product += (value - meanA) * (b[index] - meanB);
    squaresA += (value - meanA) ** 2;
    squaresB += (b[index] - meanB) ** 2;
  }
  return squaresA * squaresB === 0 ? 0 : product / Math.sqrt(squaresA * squaresB);
}

/** Equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
  const result = new Array<number>(values.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1]] === values[order[first]]) last++;
    for (let place = first; place <= last; place++) result[order[place]] = (first + last) / 2;
    first = last + 1;
  }
  return result;
}
