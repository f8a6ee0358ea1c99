import { expect, it } from 'vitest';
import { evaluate } from '../../../src/evaluation/single-label.ts';

const probabilities = [
  [0.7, 0.2, 0.1],
  [0.1, 0.8, 0.1],
  [0.3, 0.3, 0.4],
  [0.6, 0.3, 0.1],
  [0.05, 0.05, 0.9],
  [0.45, 0.5, 0.05],
];
const labels = [0, 1, 2, 1, 2, 0];

it('measures accuracy, macro-F1 and negative log likelihood', () => {
  const metrics = evaluate(probabilities, labels);
  expect(metrics.accuracy).toBeCloseTo(4 / 6, 12);
  expect(metrics.macroF1).toBeCloseTo((0.5 + 0.5 + 1) / 3, 12);
  expect(metrics.negativeLogLikelihood).toBeCloseTo(0.6006583738881052, 12);
});

it('measures calibration as the mean gap between confidence and accuracy over 15 bins', () => {
  const sure = Array.from({ length: 10 }, () => [0.9, 0.1]);
  const rightNineTimes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  expect(evaluate(sure, rightNineTimes).calibrationError).toBeCloseTo(0, 12);
  const rightFiveTimes = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
  expect(evaluate(sure, rightFiveTimes).calibrationError).toBeCloseTo(0.4, 12);
});

it('stays finite where the true label got probability zero', () => {
  expect(Number.isFinite(evaluate([[1, 0]], [1]).negativeLogLikelihood)).toBe(true);
});
