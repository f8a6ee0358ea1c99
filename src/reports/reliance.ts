import { area, line } from 'd3-shape';
import { h } from 'preact';
import { type Coverage, type CoveragePoint, statedPoints } from '../evaluation/coverage.ts';
import { shareInterval } from '../evaluation/intervals.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import { itemAt } from '../indexing.ts';
import type { Section } from './document.ts';
import { count, decimal, percent, wholePercent } from './format.ts';
import { figure, type Markup, table } from './markup.ts';
import { plot } from './plot.ts';

/** Shares of the rows that the table shows. */
const shownCoverages = [1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];

/**
 * How right a head is on the part of the answers that it is surest of.
 * @returns the section, none where nothing was kept, or too few rows were held out
 */
export function coverageSection(manifest: HeadManifest): Section[] {
  const { coverage, acceptance, novelty } = manifest;
  const points = coverage ? statedPoints(coverage) : [];
  if (!coverage || points.length === 0) return [];
  return [
    {
      id: 'reliance',
      title: 'Which answers can be relied on?',
      content: [
        acceptance ? h('p', null, acceptedInWords(coverage, acceptance)) : unset(manifest, coverage),
        figure(
          'Accuracy by coverage',
          null,
          coverageChart(coverage, points, acceptance),
          'Left, only the surest answers are accepted; right, nearly all are. The band is the 95 % interval of the accuracy at each point' +
            `${acceptance ? '; the dot is the threshold of this version, and the dashed line the accuracy that was wished for' : ''}. ` +
            'Answers that are unlike the training, or in which two modalities are each 90 % sure of different things, are never accepted.',
        ),
        novelty && h('p', null, noveltyInWords(novelty)),
        h('details', null, h('summary', null, 'The numbers'), coverageTable(coverage, points)),
      ],
    },
  ];
}

function unset({ name, version }: HeadManifest, { rows }: Coverage): Markup {
  const command = h('code', null, `tandem heads accept ${name}@${version} --accuracy 0.95`);
  return h(
    'p',
    null,
    `Measured on ${count(rows, 'held-out example')}. No threshold is set: `,
    command,
    ' finds one.',
  );
}

function acceptedInWords({ rows }: Coverage, acceptance: HeadManifest['acceptance'] & {}): string {
  const { threshold, accepted, right, accuracy, reachedBy } = acceptance;
  const [low, high] = shareInterval(right, accepted);
  const caution =
    reachedBy === 'estimate' ? `, which does not reach ${percent(accuracy)} on so few examples` : '';
  return `Answers of a probability of ${decimal(threshold, 3)} or more are accepted: ${percent(accepted / rows)} of ${count(rows, 'held-out example')}, of which ${percent(right / accepted)} are right (95 % interval ${percent(low)} to ${percent(high)}${caution}).`;
}

function noveltyInWords({ limits, joint, falseAlarms, neighbours }: HeadManifest['novelty'] & {}): string {
  const each = Object.entries(limits).flatMap(([modality, own]) => {
    const limit = own?.[0];
    return typeof limit === 'number' ? [`${modality} below ${decimal(limit)}`] : [];
  });
  const together = joint
    ? ' Of one with all modalities the shares of held-out examples that are as far away are multiplied.'
    : '';
  const below = each.length > 0 ? ` (${each.join(', ')})` : '';
  return `An example is unlike the training where its cosine with the nearest of up to ${neighbours} training examples is lower than that of ${wholePercent(1 - falseAlarms)} of the held-out examples${below}.${together}`;
}

function coverageChart(
  { rows }: Coverage,
  points: readonly CoveragePoint[],
  acceptance: HeadManifest['acceptance'],
): Markup {
  const at = points.map(({ accepted, right }) => ({
    coverage: accepted / rows,
    accuracy: right / accepted,
    interval: shareInterval(right, accepted),
  }));
  const lowest = Math.min(...at.map(({ interval }) => interval[0]), acceptance?.accuracy ?? 1);
  return plot({
    description:
      'Accuracy of the answers that are accepted, by the share of them; the table below has the numbers',
    x: { domain: [0, 1], name: 'accepted', format: wholePercent },
    y: { domain: [Math.floor(10 * lowest) / 10, 1], name: 'right', format: wholePercent },
    height: 300,
    marks(x, y) {
      const band = area<(typeof at)[number]>(
        ({ coverage }) => x(coverage),
        ({ interval }) => y(interval[0]),
        ({ interval }) => y(interval[1]),
      );
      const path = line<(typeof at)[number]>(
        ({ coverage }) => x(coverage),
        ({ accuracy }) => y(accuracy),
      );
      return [
        h('path', { class: 'band', d: band(at) ?? '' }),
        h('path', { class: 'smooth fused', d: path(at) ?? '' }),
        acceptance &&
          h('line', {
            class: 'reference',
            x1: x(0),
            x2: x(1),
            y1: y(acceptance.accuracy),
            y2: y(acceptance.accuracy),
          }),
        acceptance &&
          h('circle', {
            class: 'chosen',
            cx: x(acceptance.accepted / rows),
            cy: y(acceptance.right / acceptance.accepted),
            r: 5,
          }),
      ];
    },
  });
}

function coverageTable({ rows }: Coverage, points: readonly CoveragePoint[]): Markup {
  const shown = shownCoverages.flatMap(
    (share) => points.findLast(({ accepted }) => accepted <= share * rows) ?? [],
  );
  return table(
    'Accuracy of the surest answers',
    [
      { title: 'Accepted' },
      { title: 'From probability', numeric: true },
      { title: 'Right', numeric: true },
      { title: '95 % interval', numeric: true },
      { title: 'Answers', numeric: true },
    ],
    [...new Set(shown)].map(({ threshold, accepted, right }) => {
      const [low, high] = shareInterval(right, accepted);
      return [
        percent(accepted / rows),
        decimal(threshold, 3),
        percent(right / accepted),
        `${percent(low)} to ${percent(high)}`,
        count(accepted),
      ];
    }),
  );
}

/** How far numbers are from the truth. */
export function intervalSection({ interval, labels }: HeadManifest): Section[] {
  if (!interval) return [];
  const { coverage, rows, fused, unimodal } = interval;
  return [
    {
      id: 'reliance',
      title: 'How far off may it be?',
      content: [
        h(
          'p',
          null,
          `Answers come with an interval: ${wholePercent(coverage)} of the true numbers lie within it (split conformal prediction on ${count(rows, 'held-out example')}).`,
        ),
        table(
          `Half the width of the interval, in the unit of ${itemAt(labels, 0)}`,
          [{ title: 'From' }, { title: 'Plus or minus', numeric: true }],
          [['everything', fused] as const, ...Object.entries(unimodal)].map(([name, radius]) => [
            name,
            decimal(radius ?? Number.NaN, 3),
          ]),
        ),
      ],
    },
  ];
}
