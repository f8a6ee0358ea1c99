import { itemAt } from '../indexing.ts';
import { Random } from '../random.ts';

/** Resamples, and how few are drawn where there are so many rows that they would take too long. */
const usualResamples = 1000;
const fewestResamples = 100;
const mostNumbersDrawn = 1e7;

/**
 * 95 % interval of the difference between two systems that answered the same rows: rows are drawn with replacement, both
 * systems are measured on each sample, and the interval holds the middle 95 % of the differences (the percentile
 * bootstrap, Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; pairs, so that what makes a row
 * hard is the same for both).
 * @param rows how many there are
 * @param differences measured on the rows given, which may hold a row several times; one value for each figure
 * @param options `columns`: numbers that each row has to look at; `seed`: same seed, same interval
 * @returns the interval of each figure
 * @example const [[low, high]] = pairedBootstrap(rightByA.length, (rows) => [mean(rows.map((row) => b[row] - a[row]))]);
 */
export function pairedBootstrap(
  rows: number,
  differences: (rows: readonly number[]) => readonly number[],
  { columns = 1, seed = 0 }: { columns?: number; seed?: number } = {},
): [low: number, high: number][] {
  const resamples = Math.max(
    fewestResamples,
    Math.min(usualResamples, Math.floor(mostNumbersDrawn / (rows * columns))),
  );
  const random = new Random(seed, 'paired bootstrap');
  const samples = Array.from({ length: resamples }, () =>
    differences(Array.from({ length: rows }, () => random.nextInteger(rows))),
  );
  return itemAt(samples, 0).map((_, figure) => {
    const sorted = samples.map((sample) => itemAt(sample, figure)).sort((a, b) => a - b);
    return [quantile(sorted, 0.025), quantile(sorted, 0.975)];
  });
}

/** With linear interpolation between the values. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  const low = itemAt(sorted, below);
  return low + (place - below) * (itemAt(sorted, above) - low);
}
