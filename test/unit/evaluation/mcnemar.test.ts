import { expect, it } from 'vitest';
import { fewestDiscordant, mcnemar } from '../../../src/evaluation/mcnemar.ts';

// scipy.stats.binomtest(min(b, c), b + c, 0.5).pvalue of scipy 1.16.
it.each([
  [0, 0, 1],
  [1, 9, 0.021484375],
  [5, 5, 1],
  [0, 5, 0.0625],
  [0, 6, 0.03125],
  [12, 30, 0.007915897334896727],
  [1500, 1600, 0.07537169707532781],
  [40_000, 41_000, 0.0004478218231375636],
])('agrees with scipy where only one is right on %i and on %i rows', (onlyFirst, onlySecond, p) => {
  // 1e-7 relative: logarithms of binomial coefficients are summed up over 40,000 terms.
  expect(Math.abs(mcnemar(onlyFirst, onlySecond) / p - 1)).toBeLessThan(1e-7);
  expect(mcnemar(onlySecond, onlyFirst)).toBe(mcnemar(onlyFirst, onlySecond));
});

it('says from how many rows on a difference can show', () => {
  expect(mcnemar(0, fewestDiscordant)).toBeLessThan(0.05);
  expect(mcnemar(0, fewestDiscordant - 1)).toBeGreaterThan(0.05);
});
