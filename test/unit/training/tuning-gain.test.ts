import { expect, it } from 'vitest';
import { tuningGain } from '../../../src/training/tuning-gain.ts';

const frozen = [0.9, 1.2, 0.7, 1.1, 0.8, 1.0, 0.9, 1.3, 0.6, 1.0];

it('finds that tuning pays where nearly every example becomes likelier', () => {
  const gain = tuningGain(
    frozen,
    frozen.map((loss, row) => loss - 0.1 - 0.02 * (row % 3)),
  );
  expect(gain.pays).toBe(true);
  expect(gain.heldOut.frozen).toBeCloseTo(0.95, 10);
});

it('takes a mean that falls by 4 % on ten examples, some up and some down, for chance', () => {
  const gain = tuningGain(
    frozen,
    frozen.map((loss, row) => loss + (row % 2 === 0 ? -0.376 : 0.3)),
  );
  expect(gain.heldOut.tuned / gain.heldOut.frozen).toBeCloseTo(0.96, 2);
  expect(gain.pays).toBe(false);
});

it('leaves a head as it is that tuning would make better by less than a hundredth, or worse', () => {
  for (const change of [-0.005, 0.1])
    expect(
      tuningGain(
        frozen,
        frozen.map((loss) => loss + change),
      ).pays,
    ).toBe(false);
  expect(tuningGain(frozen, Array(10).fill(Number.NaN)).pays).toBe(false);
});

it('asks more of the best of several candidates than of the only one', () => {
  const frozen = Array.from({ length: 40 }, (_, row) => 0.7 + 0.01 * (row % 3));
  const tuned = frozen.map((loss, row) => loss - 0.02 + (row % 2 === 0 ? 0.055 : -0.055));
  const [alone, best] = [tuningGain(frozen, tuned), tuningGain(frozen, tuned, 6)];
  expect(alone.pays).toBe(true);
  expect(best.pays).toBe(false);
  expect(best.difference.margin / alone.difference.margin).toBeCloseTo(2.638 / 1.96, 6);
});
