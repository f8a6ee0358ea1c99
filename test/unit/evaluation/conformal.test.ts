import { expect, it } from 'vitest';
import { conformalRadius } from '../../../src/evaluation/conformal.ts';
import { Random } from '../../../src/random.ts';

it('is exceeded by fresh distances as seldom as it says, on average over calibrations', () => {
  const random = new Random(0, 'conformal');
  const distance = () => Math.abs(random.nextNormal());
  const [trials, fresh] = [400, 50];
  let within = 0;
  for (let trial = 0; trial < trials; trial++) {
    const radius = conformalRadius(Array.from({ length: 39 }, distance), 0.9) ?? 0;
    for (let each = 0; each < fresh; each++) within += Number(distance() <= radius);
  }
  // Exactly 36/40 in expectation; four standard errors of the trials.
  expect(Math.abs(within / (trials * fresh) - 0.9)).toBeLessThan(0.012);
});

it('is the smallest distance that enough of them reach, and missing where there are too few', () => {
  expect(conformalRadius([3, 1, 2, 9, 5, 6, 7, 8, 4], 0.9)).toBe(9);
  expect(conformalRadius([3, 1, 2, 8, 5, 6, 7, 4], 0.9)).toBeUndefined();
});
