/** Fewer rows than this that only one of two answers rightly can show no difference: 2 · ½⁵ is above 0.05. */
export const fewestDiscordant = 6;

/**
 * Two-sided p of McNemar's exact test: how likely so uneven a share of the rows that only one of two systems gets right
 * would be, were both equally good (McNemar 1947; the exact form is the sign test on those rows).
 * @param onlyFirst rows that only the first gets right
 * @param onlySecond rows that only the second gets right
 * @returns 1 where there are no such rows
 * @example mcnemar(1, 9); // 0.0215
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  const discordant = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  // Logarithms, because ½ to the power of some thousands is no number any more.
  let logTerm = discordant * Math.log(0.5);
  let tail = 0;
  for (let count = 0; count <= fewer; count++) {
    tail += Math.exp(logTerm);
    logTerm += Math.log((discordant - count) / (count + 1));
  }
  return Math.min(1, 2 * tail);
}
