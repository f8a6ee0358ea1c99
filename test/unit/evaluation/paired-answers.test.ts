import { expect, it } from 'vitest';
import type { Dataset } from '../../../src/datasets/example.ts';
import { type Answered, comparePairedAnswers } from '../../../src/evaluation/paired-answers.ts';
import { targets } from '../../../src/targets/targets.ts';
import type { Truth } from '../../../src/targets/truth.ts';

function datasetOf(truths: readonly Truth[], target: Dataset['target']): Dataset {
  const examples = truths.map((truth, index) => ({
    row: index + 2,
    content: { text: `text ${index}` },
    truth,
  }));
  const labels = targets[target].outputs(truths, 'label');
  return { name: 'rows', target, labels, examples, hash: 'a', notes: [] };
}

function labelled(labels: readonly string[]): Dataset {
  return datasetOf(
    labels.map((label) => ({ class: label })),
    'single',
  );
}

/** A head that gives each label with a probability of 0.9. */
function sure(labels: string[], given: readonly string[]): Answered {
  const rest = 0.1 / (labels.length - 1);
  const answers = given.map((answer) =>
    Float64Array.from(labels, (label) => (label === answer ? 0.9 : rest)),
  );
  return { labels, answers };
}

const alternating = (count: number) =>
  Array.from({ length: count }, (_, index) => (index % 2 === 0 ? 'cat' : 'dog'));
/** The labels, but wrong on the rows from `first` up to `end`. */
const wrongOn = (truth: readonly string[], first: number, end: number) =>
  truth.map((label, row) => (row >= first && row < end ? (label === 'cat' ? 'dog' : 'cat') : label));

it('counts who is right where, and gives the difference of accuracy the interval of Agresti and Min', () => {
  const truth = alternating(100);
  const first = sure(['cat', 'dog'], wrongOn(truth, 0, 20));
  const second = sure(['cat', 'dog'], wrongOn(truth, 15, 20));
  const { figures, right, mcnemar, disagreements } = comparePairedAnswers(labelled(truth), first, second);
  expect(right).toEqual({ both: 80, onlyFirst: 0, onlySecond: 15, neither: 5 });
  expect(mcnemar).toBeCloseTo(2 * 0.5 ** 15, 12);
  expect(disagreements).toMatchObject({ count: 15 });
  expect(disagreements!.rows[1]).toEqual({
    row: 3,
    truth: { class: 'dog' },
    first: { class: 'cat' },
    second: { class: 'dog' },
  });
  const [accuracy] = figures;
  expect(accuracy).toMatchObject({ first: 0.8, second: 0.95, verdict: 'the second is better' });
  expect(accuracy.difference).toBeCloseTo(0.15, 12);
  // Half a row added to each of four outcomes: b = 15.5, c = 0.5, n = 102, 15/102 ± 1.959964 √(16 - 15²/102) / 102.
  expect(accuracy.interval[0]).toBeCloseTo(0.0757, 4);
  expect(accuracy.interval[1]).toBeCloseTo(0.2184, 4);
});

it('knows that less is better of an error', () => {
  const truth = alternating(100);
  const good = sure(['cat', 'dog'], wrongOn(truth, 0, 5));
  const bad = sure(['cat', 'dog'], wrongOn(truth, 0, 40));
  const verdictOf = (first: Answered, second: Answered) =>
    comparePairedAnswers(labelled(truth), first, second).figures.find(
      ({ name }) => name === 'negativeLogLikelihood',
    )!.verdict;
  expect(verdictOf(bad, good)).toBe('the second is better');
  expect(verdictOf(good, bad)).toBe('the first is better');
});

it('says no difference of heads that answer alike, and of five rows that may be chance', () => {
  const truth = alternating(200);
  const same = sure(['cat', 'dog'], wrongOn(truth, 0, 30));
  for (const { verdict, difference, interval } of comparePairedAnswers(labelled(truth), same, same).figures) {
    expect([verdict, difference]).toEqual(['no difference', 0]);
    expect(interval[0]).toBeLessThanOrEqual(0);
    expect(interval[1]).toBeGreaterThanOrEqual(0);
  }
  const slightlyBetter = sure(['cat', 'dog'], wrongOn(truth, 0, 25));
  const { figures, mcnemar } = comparePairedAnswers(labelled(truth), same, slightlyBetter);
  expect(mcnemar).toBeCloseTo(0.0625, 12);
  for (const name of ['accuracy', 'macroF1'])
    expect(figures.find((figure) => figure.name === name)!.verdict).toBe('no difference');
});

it('compares heads whose labels stand in another order, or are more', () => {
  const truth = alternating(40);
  const first = sure(['cat', 'dog'], truth);
  const second = sure(['bird', 'dog', 'cat'], truth);
  const { right, figures } = comparePairedAnswers(labelled(truth), first, second);
  expect(right).toEqual({ both: 40, onlyFirst: 0, onlySecond: 0, neither: 0 });
  expect(figures[0]).toMatchObject({ first: 1, second: 1 });
});

it('lists the first thousand disagreements and counts all', () => {
  const truth = alternating(1200);
  const wrong = sure(['cat', 'dog'], wrongOn(truth, 0, 1100));
  const { disagreements } = comparePairedAnswers(labelled(truth), sure(['cat', 'dog'], truth), wrong);
  expect([disagreements!.count, disagreements!.rows.length]).toEqual([1100, 1000]);
});

it('compares several labels by what each head gives from its own thresholds on', () => {
  const truth = [['big', 'red'], ['red'], [], ['big']].map((classes) => ({ classes }));
  const answers = [
    [0.6, 0.9],
    [0.2, 0.8],
    [0.4, 0.1],
    [0.6, 0.3],
  ].map((row) => Float64Array.from(row));
  const loose = { labels: ['big', 'red'], answers };
  const strict = { labels: ['big', 'red'], answers, thresholdsOf: () => [0.7, 0.5] };
  const dataset = datasetOf(truth, 'multi');
  const { right, disagreements } = comparePairedAnswers(dataset, loose, strict);
  expect(right).toEqual({ both: 2, onlyFirst: 2, onlySecond: 0, neither: 0 });
  expect(disagreements!.rows).toEqual([
    { row: 2, truth: truth[0], first: { classes: ['big', 'red'] }, second: { classes: ['red'] } },
    { row: 5, truth: truth[3], first: { classes: ['big'] }, second: { classes: [] } },
  ]);
});

it('gives the errors of numbers the interval that scipy’s bootstrap gives', () => {
  const truth = Array.from({ length: 200 }, (_, row) => Math.sin(row) * 10);
  const numbers = (offset: (row: number) => number): Answered => ({
    labels: ['label'],
    answers: truth.map((value, row) => Float64Array.of(value + offset(row))),
  });
  const first = numbers((row) => (((row * 7) % 13) - 6) / 4);
  const second = numbers((row) => (((row * 5) % 11) - 5) / 5 + 0.1);
  const dataset = datasetOf(
    truth.map((value) => ({ values: [value] })),
    'regression',
  );
  const { figures, right, disagreements } = comparePairedAnswers(dataset, first, second);
  // scipy.stats.bootstrap over the rows, percentile, 100,000 resamples; here 1,000, so 3 standard errors are 0.01.
  const expected = {
    rootMeanSquareError: [-0.29710424, -0.36064438, -0.23276098],
    meanAbsoluteError: [-0.256, -0.3275, -0.18424375],
  };
  for (const [name, [difference, low, high]] of Object.entries(expected)) {
    const figure = figures.find((one) => one.name === name)!;
    // Features and truth are single precision: 1e-6.
    expect(Math.abs(figure.difference - difference)).toBeLessThan(1e-6);
    expect(Math.abs(figure.interval[0] - low)).toBeLessThan(0.01);
    expect(Math.abs(figure.interval[1] - high)).toBeLessThan(0.01);
    expect(figure.verdict).toBe('the second is better');
  }
  expect([right, disagreements]).toEqual([undefined, undefined]);
});
