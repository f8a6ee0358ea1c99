import { itemAt } from '../indexing.ts';

/**
 * The distance that the next one exceeds with a probability of at most 1 - coverage, where it is drawn as these were (split
 * conformal prediction; Vovk et al. 2005).
 * @param coverage from 0 to 1
 * @returns undefined where there are too few to say
 * @example conformalRadius([0.1, 0.4, 0.2, …], 0.9)
 */
export function conformalRadius(distances: readonly number[], coverage: number): number | undefined {
  const rank = Math.ceil((distances.length + 1) * coverage);
  if (rank > distances.length || rank < 1) return undefined;
  return itemAt(
    distances.toSorted((a, b) => a - b),
    rank - 1,
  );
}
