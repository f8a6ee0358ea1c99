import { h } from 'preact';
import { count, percent, wholePercent } from './format.ts';
import { figure, type Markup, table } from './markup.ts';
import { mean } from './mean.ts';
import { isRight, type Outcome } from './outcome.ts';
import { plot } from './plot.ts';

/** As many as the calibration error is computed over. */
const binCount = 15;

interface Bin {
  low: number;
  high: number;
  outcomes: Outcome[];
}

/** Whether probabilities can be taken at their word: share of right answers by stated probability. */
export function reliability(outcomes: readonly Outcome[]): Markup {
  if (outcomes.length === 0) return null;
  const bins = binsOf(outcomes);
  const filled = bins.filter((bin) => bin.outcomes.length > 0);
  const probabilityAxis = {
    domain: [0, 1] as [number, number],
    name: 'stated probability',
    format: wholePercent,
  };
  const chart = plot({
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
  const fullest = Math.max(...bins.map((bin) => bin.outcomes.length));
  const counts = plot({
    description: 'Number of test examples in each bin',
    x: probabilityAxis,
    y: {
      domain: [0, fullest],
      name: 'examples',
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
            y: y(bin.outcomes.length),
            height: y(0) - y(bin.outcomes.length),
          },
          h('title', null, describe(bin)),
        ),
      ),
  });
  return [
    h('h3', null, 'Can its probabilities be taken at their word?'),
    h('p', null, finding(outcomes)),
    h(
      'div',
      { class: 'figures' },
      figure(
        'Reliability',
        null,
        chart,
        'Each column is the share of right answers among those given with about the same probability; the short line is the mean ' +
          'probability that was stated. Columns below the dashed line: too sure. Above: not sure enough.',
      ),
      figure(
        'How many answers',
        null,
        counts,
        'The number of test examples behind each column. A column with few examples says little.',
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
          { title: 'Examples', numeric: true },
        ],
        filled.map((bin) => [
          range(bin),
          percent(stated(bin)),
          percent(rightShare(bin)),
          count(bin.outcomes.length),
        ]),
      ),
    ),
  ];
}

function binsOf(outcomes: readonly Outcome[]): Bin[] {
  const bins = Array.from({ length: binCount }, (_, index): Bin => {
    return { low: index / binCount, high: (index + 1) / binCount, outcomes: [] };
  });
  for (const outcome of outcomes)
    bins[Math.min(binCount - 1, Math.floor(outcome.confidence * binCount))].outcomes.push(outcome);
  return bins;
}

function rightShare({ outcomes }: Bin): number {
  return outcomes.filter(isRight).length / outcomes.length;
}

function stated({ outcomes }: Bin): number {
  return mean(outcomes.map(({ confidence }) => confidence));
}

function range({ low, high }: Bin): string {
  return `${percent(low)} to ${percent(high)}`;
}

function describe(bin: Bin): string {
  return `${range(bin)}: right on ${percent(rightShare(bin))} of ${count(bin.outcomes.length, 'example')}`;
}

function finding(outcomes: readonly Outcome[]): string {
  const confidence = mean(outcomes.map((outcome) => outcome.confidence));
  const accuracy = outcomes.filter(isRight).length / outcomes.length;
  const compared =
    Math.abs(confidence - accuracy) < 0.02
      ? 'about as sure as it is right'
      : confidence > accuracy
        ? 'surer than it is right'
        : 'less sure than it might be';
  return `On the whole it is ${compared}: it states ${percent(confidence)} on average and is right on ${percent(accuracy)}.`;
}
