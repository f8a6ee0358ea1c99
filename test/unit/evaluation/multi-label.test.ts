import { describe, expect, it } from 'vitest';
import { evaluateSeveralLabels } from '../../../src/evaluation/multi-label.ts';

const truth = [
  [0, 0, 1, 0],
  [0, 0, 0, 0],
  [1, 0, 0, 0],
  [0, 0, 1, 1],
  [0, 1, 1, 0],
  [0, 1, 0, 0],
  [1, 0, 0, 1],
  [0, 1, 0, 0],
  [1, 1, 0, 1],
  [0, 1, 1, 0],
  [1, 1, 1, 1],
  [0, 1, 1, 0],
  [1, 0, 0, 0],
  [1, 0, 1, 0],
  [0, 0, 1, 0],
  [0, 1, 1, 0],
  [1, 0, 1, 0],
  [1, 1, 1, 1],
  [1, 1, 0, 0],
  [0, 0, 0, 1],
];
const rows = [
  [0.03, 0.13, 0.75, 0.46],
  [0.53, 0.37, 0.08, 0.28],
  [0.87, 0.01, 0.36, 0.17],
  [0.3, 0.35, 0.85, 0.76],
  [0.28, 0.57, 0.75, 0.03],
  [0.24, 0.77, 0.41, 0.19],
  [0.46, 0.27, 0.07, 0.89],
  [0.18, 0.68, 0.5, 0.19],
  [0.66, 0.66, 0.24, 0.51],
  [0.28, 0.99, 0.79, 0.4],
  [0.99, 0.96, 0.9, 0.94],
  [0.44, 0.6, 0.74, 0.16],
  [0.61, 0.29, 0.14, 0.32],
  [0.8, 0.01, 0.72, 0.18],
  [0.37, 0.01, 0.55, 0.26],
  [0.19, 0.85, 0.65, 0.07],
  [0.99, 0.1, 0.54, 0.12],
  [0.65, 0.59, 0.77, 0.99],
  [0.53, 0.7, 0.35, 0.48],
  [0.55, 0.04, 0.27, 0.98],
];
const thresholds = [0.5, 0.4, 0.6, 0.55];
/** From scikit-learn on the same numbers. */
const expected = {
  microF1: 0.9142857142857143,
  macroF1: 0.9127990430622009,
  averagePrecision: 0.9893939393939394,
  subsetAccuracy: 0.7,
  negativeLogLikelihood: 0.30411319951039895,
};

describe('figures of several labels', () => {
  it.each(Object.entries(expected))('agree with scikit-learn in %s', (name, value) => {
    const metrics = evaluateSeveralLabels(rows, truth, () => thresholds);
    expect(metrics[name as keyof typeof expected]).toBeCloseTo(value, 10);
    expect(metrics.examples).toBe(20);
  });
});
