import { expect, it } from 'vitest';
import { decide, isRight, relianceOf } from '../../../src/heads/decision.ts';
import { targets } from '../../../src/targets/targets.ts';

const single = {
  target: 'single' as const,
  labels: ['cat', 'dog'],
  encoders: [{ modality: 'image' as const }, { modality: 'text' as const }],
};
const answer = (fused: number[], image: number[], text: number[]) => ({
  fused: Float64Array.from(fused),
  unimodal: { image: Float64Array.from(image), text: Float64Array.from(text) },
});

it('accepts an answer that is sure enough', () => {
  const sure = answer([0.9, 0.1], [0.8, 0.2], [0.4, 0.6]);
  expect(decide(sure, single, { threshold: 0.8 }, [])).toEqual({ decision: 'accepted', reasons: [] });
});

it('takes no notice of modalities that differ without being sure', () => {
  const differing = answer([0.85, 0.15], [0.95, 0.05], [0.2, 0.8]);
  expect(decide(differing, single, { threshold: 0.8 }, []).decision).toBe('accepted');
});

it('gives every reason why an answer is unsure', () => {
  const torn = answer([0.6, 0.4], [0.95, 0.05], [0.1, 0.9]);
  expect(relianceOf(torn, single)).toEqual({ certainty: 0.6, isTorn: true });
  expect(decide(torn, single, { threshold: 0.8 }, ['text'])).toEqual({
    decision: 'unsure',
    reasons: [
      { reason: 'low-probability' },
      { reason: 'modalities-disagree' },
      { reason: 'unlike-training', modality: 'text' },
    ],
  });
});

it('takes several labels as a whole: how probable it is that each is decided rightly', () => {
  const multi = { ...single, target: 'multi' as const, thresholds: [0.5, 0.3] };
  const both = answer([0.9, 0.4], [0.9, 0.4], [0.9, 0.1]);
  expect(relianceOf(both, multi)?.certainty).toBeCloseTo(0.9 * 0.4);
  const truth = { target: 'multi' as const, columns: 2, values: Float32Array.of(1, 1) };
  expect(targets.multi.verdict?.(both.fused, () => [0.5, 0.3]).decision).toBe(
    targets.multi.rightDecision?.(truth, 0),
  );
});

it('takes for right what decides all that is true of a row, and no number', () => {
  const multi = { ...single, target: 'multi' as const, thresholds: [0.5, 0.3] };
  const truth = { target: 'multi' as const, columns: 2, values: Float32Array.of(1, 1, 1, 0) };
  const both = answer([0.9, 0.4], [0.9, 0.4], [0.9, 0.1]);
  expect([0, 1].map((row) => isRight(both, multi, truth, row))).toEqual([true, false]);
  const numbers = { target: 'regression' as const, columns: 1, values: Float64Array.of(3) };
  expect(isRight(answer([3], [2], [4]), { ...single, target: 'regression' }, numbers, 0)).toBeUndefined();
});

it('takes a number for unsure where nothing in the training was like the item, and never else', () => {
  const numbers = { ...single, target: 'regression' as const, labels: ['price'] };
  const number = answer([3], [2], [4]);
  expect(decide(number, numbers, {}, [])).toEqual({ decision: 'accepted', reasons: [] });
  expect(decide(number, numbers, {}, ['text'])).toEqual({
    decision: 'unsure',
    reasons: [{ reason: 'unlike-training', modality: 'text' }],
  });
});
