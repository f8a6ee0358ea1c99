import { h } from 'preact';
import { itemAt } from '../indexing.ts';
import { count, percent, wholePercent } from './format.ts';
import { figure, type Markup, table } from './markup.ts';
import { plot } from './plot.ts';

/** As many as the calibration error is computed over. */
const binCount = 15;

/** An answer: how probable it was said to be, and whether it was so. */
export interface Answer {
  confidence: number;
  isRight: boolean;
}

interface Bin {
  low: number;
  high: number;
  count: number;
  right: number;
  confidence: number;
}

/** Both charts have it, so that their columns stand below each other. */
const probabilityAxis = {
  domain: [0, 1] as [number, number],
  name: 'stated probability',
  format: wholePercent,
};

/** Whether probabilities can be taken at their word: share of right answers by stated probability. */
export function reliability(answers: Iterable<Answer>): Markup {
  const bins = binsOf(answers);
  const filled = bins.filter((bin) => bin.count > 0);
  if (filled.length === 0) return null;
  return [
    h('h3', null, 'Can its probabilities be taken at their word?'),
    h('p', null, finding(filled)),
    h(
      'div',
      { class: 'figures' },
      figure(
        'Reliability',
        null,
        sharesChart(filled),
        'Each column is the share of right answers among those given with about the same probability; the short line is the mean ' +
          'probability that was stated. Columns below the dashed line: too sure. Above: not sure enough.',
      ),
      figure(
        'How many answers',
        null,
        countsChart(filled),
        'The number of answers behind each column. A column with few says little.',
      ),
    ),
    h(
      'details',
      null,
      h('summary', null, 'The numbers'),
      table(
        'Reliability by stated probability',
        [
          { title: 'Stated' },
          { title: 'Mean stated', numeric: true },
          { title: 'Right', numeric: true },
          { title: 'Answers', numeric: true },
        ],
        filled.map((bin) => [range(bin), percent(stated(bin)), percent(rightShare(bin)), count(bin.count)]),
      ),
    ),
  ];
}

function sharesChart(filled: readonly Bin[]): Markup {
  return plot({
    description: `Share of right answers in ${binCount} bins of stated probability; the table below has the numbers`,
    x: probabilityAxis,
    y: { domain: [0, 1], name: 'right answers', format: wholePercent },
    height: 300,
    marks: (x, y) => [
      filled.map((bin) =>
        h(
          'rect',
          {
            class: 'column',
            x: x(bin.low) + 1,
            width: x(bin.high) - x(bin.low) - 2,
            y: y(rightShare(bin)),
            height: y(0) - y(rightShare(bin)),
          },
          h('title', null, describe(bin)),
        ),
      ),
      filled.map((bin) =>
        h('line', {
          class: 'stated',
          x1: x(bin.low) + 1,
          x2: x(bin.high) - 1,
          y1: y(stated(bin)),
          y2: y(stated(bin)),
        }),
      ),
      h('line', { class: 'reference', x1: x(0), x2: x(1), y1: y(0), y2: y(1) }),
    ],
  });
}

function countsChart(filled: readonly Bin[]): Markup {
  const fullest = Math.max(...filled.map((bin) => bin.count));
  return plot({
    description: 'Number of answers in each bin',
    x: probabilityAxis,
    y: {
      domain: [0, fullest],
      name: 'answers',
      format: (value) => (Number.isInteger(value) ? count(value) : ''),
    },
    height: 120,
    marks: (x, y) =>
      filled.map((bin) =>
        h(
          'rect',
          {
            class: 'number',
            x: x(bin.low) + 1,
            width: x(bin.high) - x(bin.low) - 2,
            y: y(bin.count),
            height: y(0) - y(bin.count),
          },
          h('title', null, describe(bin)),
        ),
      ),
  });
}

function binsOf(answers: Iterable<Answer>): Bin[] {
  const bins = Array.from({ length: binCount }, (_, index): Bin => {
    return { low: index / binCount, high: (index + 1) / binCount, count: 0, right: 0, confidence: 0 };
  });
  for (const { confidence, isRight } of answers) {
    const bin = itemAt(bins, Math.min(binCount - 1, Math.floor(confidence * binCount)));
    bin.count++;
    bin.right += Number(isRight);
    bin.confidence += confidence;
  }
  return bins;
}

function rightShare({ right, count }: Bin): number {
  return right / count;
}

function stated({ confidence, count }: Bin): number {
  return confidence / count;
}

function range({ low, high }: Bin): string {
  return `${percent(low)} to ${percent(high)}`;
}

function describe(bin: Bin): string {
  return `${range(bin)}: right on ${percent(rightShare(bin))} of ${count(bin.count, 'answer')}`;
}

function finding(bins: readonly Bin[]): string {
  const total = (figure: 'count' | 'right' | 'confidence') => bins.reduce((sum, bin) => sum + bin[figure], 0);
  const confidence = total('confidence') / total('count');
  const accuracy = total('right') / total('count');
  const compared =
    Math.abs(confidence - accuracy) < 0.02
      ? 'about as sure as it is right'
      : confidence > accuracy
        ? 'surer than it is right'
        : 'less sure than it might be';
  return `On the whole it is ${compared}: it states ${percent(confidence)} on average and is right on ${percent(accuracy)}.`;
}
