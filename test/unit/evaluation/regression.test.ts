import { expect, it } from 'vitest';
import { evaluateNumbers } from '../../../src/evaluation/regression.ts';

const truth = [-0.8, -0.5, -0.8, -0.3, 0.9, -0.4, -0.2, 0.8, 0.6, 1.7, -2.1, 0.9, -0.5, 0.1, 0.8];
const answers = [-0.3, 0.0, -0.7, 0.5, 0.8, -0.5, 0.2, 0.5, 1.7, 2.2, -1.0, 0.9, -0.7, 0.2, 1.2];
/** From scikit-learn and SciPy on the same numbers. */
const expected = {
  rootMeanSquareError: 0.5354126134736338,
  meanAbsoluteError: 0.4133333333333333,
  determination: 0.659738341422241,
  rankCorrelation: 0.8993714321926096,
};

it.each(Object.entries(expected))('figures of numbers agree with scikit-learn in %s', (name, value) => {
  expect(evaluateNumbers(answers, truth)[name as keyof typeof expected]).toBeCloseTo(value, 10);
});

it('are finite where the truth or the answers never change', () => {
  for (const metrics of [evaluateNumbers([1, 2, 3], [5, 5, 5]), evaluateNumbers([4, 4, 4], [1, 2, 3])])
    for (const value of Object.values(metrics)) expect(value).toSatisfy(Number.isFinite);
});
