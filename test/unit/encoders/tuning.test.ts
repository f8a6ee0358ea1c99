import { expect, it } from 'vitest';
import { choose, type TuningMeasurement } from '../../../src/encoders/tuning.ts';

/** Measurements of a number of engines: items a second by the items of a batch. */
function measured(
  engines: number,
  rates: Record<'image' | 'text', Record<number, number>>,
): TuningMeasurement[] {
  return (['image', 'text'] as const).flatMap((modality) =>
    Object.entries(rates[modality]).map(([items, itemsPerSecond]) => ({
      engines,
      modality,
      encoder: `the ${modality} encoder`,
      items: Number(items),
      cost: Number(items) * (modality === 'image' ? 100 : 10),
      itemsPerSecond,
    })),
  );
}

it('takes the engines that are fastest at images and texts together', () => {
  const { engines } = choose([
    ...measured(1, { image: { 1: 50, 4: 60 }, text: { 1: 900, 4: 1000 } }),
    ...measured(2, { image: { 1: 70, 4: 80 }, text: { 1: 500, 4: 600 } }),
  ]);
  expect(engines).toBe(2);
});

it('takes the least batch that is about as fast as the fastest', () => {
  const { budgets } = choose(
    measured(1, { image: { 1: 50, 2: 99, 4: 100, 8: 90 }, text: { 1: 100, 2: 200, 4: 400, 8: 700 } }),
  );
  expect(budgets).toEqual({ image: 200, text: 80 });
});
