import { expect, it } from 'vitest';
import { predictionOf } from '../../../src/heads/unimodal-prediction.ts';

const encoder = (modality: 'image' | 'text') => ({ modality, id: 'encoder', dimension: 2, fingerprint: '' });
const head = {
  target: 'multi' as const,
  labels: ['big', 'red'],
  encoders: [encoder('image'), encoder('text')],
  thresholds: [0.3, 0.8],
  unimodalThresholds: { text: [0.6, 0.2] },
};
const given = (restingOn: ('image' | 'text')[], asking = head as Parameters<typeof predictionOf>[1]) =>
  predictionOf(Float64Array.of(0.5, 0.5), asking, { restingOn, topK: 5 })
    .labels.filter(({ given }) => given)
    .map(({ label }) => label);

it('gives labels from the thresholds of what the answer rests on', () => {
  expect(given(['image', 'text'])).toEqual(['big']);
  expect(given(['text'])).toEqual(['red']);
});

it('gives labels from one half on where a modality has no thresholds of its own', () => {
  expect(given(['image']).sort()).toEqual(['big', 'red']);
});

it('takes the one list of thresholds that heads of earlier releases have', () => {
  const older = { ...head, unimodalThresholds: undefined };
  expect(given(['text'], older)).toEqual(['big']);
  expect(given(['image', 'text'], older)).toEqual(['big']);
});

it('gives labels from the mean of the thresholds of several modalities, where others are missing', () => {
  const three = {
    ...head,
    encoders: [
      ...head.encoders,
      { modality: 'third' as 'text', id: 'encoder', dimension: 2, fingerprint: '' },
    ],
    unimodalThresholds: { image: [0.9, 0.5], text: [0.6, 0.2] },
  };
  expect(given(['image', 'text'], three)).toEqual(['red']);
});
