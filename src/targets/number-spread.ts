import { numberOf, type Truth } from './truth.ts';

export interface NumberSpread {
  least: number;
  most: number;
  mean: number;
  /** How many different ones there are. */
  distinct: number;
}

/** How the numbers of some examples spread, of at least one. */
export function spreadOf(truths: readonly Truth[]): NumberSpread {
  const distinct = new Set<number>();
  let [least, most, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const truth of truths) {
    const value = numberOf(truth);
    distinct.add(value);
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
  }
  return { least, most, mean: sum / truths.length, distinct: distinct.size };
}
