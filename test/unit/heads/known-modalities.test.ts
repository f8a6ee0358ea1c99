import { expect, it } from 'vitest';
import { answerOfKnown } from '../../../src/heads/known-modalities.ts';

it('answers with the mean of what the known modalities say, nearer to the surer one', () => {
  const sure = Float64Array.of(0.95, 0.05);
  const unsure = Float64Array.of(0.4, 0.6);
  const [probability] = answerOfKnown([sure, unsure], 'single');
  expect(probability).toBeGreaterThan((0.95 + 0.4) / 2);
  expect(probability).toBeLessThan(0.95);
});

it('weighs two modalities as q of the method does', () => {
  // H is 0.1985 and 0.6931, s 0.2226 and 0.7774, of which the first is held at 0.3: q is 0.7215 and 0.2785.
  const [probability] = answerOfKnown([Float64Array.of(0.95, 0.05), Float64Array.of(0.5, 0.5)], 'single');
  expect(probability).toBeCloseTo(0.7215 * 0.95 + 0.2785 * 0.5, 4);
});

it('sums to one, however certain the answers are', () => {
  const answer = answerOfKnown([Float64Array.of(1, 0), Float64Array.of(0, 1)], 'single');
  expect([...answer]).toEqual([0.5, 0.5]);
});

it('answers with the plain mean of numbers', () => {
  expect([...answerOfKnown([Float64Array.of(1), Float64Array.of(4)], 'regression')]).toEqual([2.5]);
});

it('answers with what the only known modality says', () => {
  expect([...answerOfKnown([Float64Array.of(0.2, 0.7)], 'multi')]).toEqual([0.2, 0.7]);
});
