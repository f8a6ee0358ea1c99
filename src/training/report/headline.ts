import { h } from 'preact';
import type { HeadManifest } from '../../inference/head-manifest.ts';
import { modalities } from '../../inference/prediction.ts';
import { count, day, decimal, percent } from './format.ts';
import { foreign, type Markup, paragraph, table } from './markup.ts';
import { isRight, type Outcome } from './outcome.ts';
import { shareInterval } from './statistics.ts';

/** What the head is, and in one sentence how good. */
export function headline(manifest: HeadManifest, outcomes: readonly Outcome[]): Markup {
  const { name, version, createdAt, labels, encoders, training } = manifest;
  const facts: [string, Markup][] = [
    ['Dataset', foreign(training.dataset)],
    [
      'Examples',
      `${count(training.examples.training)} to train on, ${count(training.examples.test)} to test on`,
    ],
    ['Labels', count(labels.length)],
    ['Encoders', encoders.map(({ modality, id }) => h('div', null, `${modality}: ${id}`))],
    ['Trained', `${day(createdAt)}, on ${training.provider === 'cuda' ? 'a GPU (CUDA)' : 'the CPU'}`],
  ];
  return h(
    'header',
    null,
    h('h1', null, foreign(`${name}@${version}`)),
    h('p', { class: 'verdict' }, verdict(outcomes)),
    h(
      'dl',
      { class: 'facts' },
      facts.map(([term, description]) => h('div', null, h('dt', null, term), h('dd', null, description))),
    ),
  );
}

function verdict(outcomes: readonly Outcome[]): Markup {
  const total = outcomes.length;
  if (total === 0) return 'No test examples, so nothing is known about how good it is.';
  const right = outcomes.filter(isRight).length;
  const [low, high] = shareInterval(right, total);
  const perLabel = Map.groupBy(outcomes, ({ actual }) => actual).values();
  const commonest = Math.max(...Array.from(perLabel, (members) => members.length));
  return [
    'Right on ',
    h('strong', null, percent(right / total)),
    ` of ${count(total, 'test example')}. On many more like them it would be right on ${percent(low)} to ${percent(high)}`,
    ` (95\u00a0% interval). Always giving the most common label would be right on ${percent(commonest / total)}.`,
  ];
}

/** The figures that people compare heads by. */
export function metricsTable({ metrics, encoders }: HeadManifest): Markup {
  const used = modalities.filter((modality) => encoders.some((encoder) => encoder.modality === modality));
  const rows = [
    {
      kind: 'fused',
      name: used.length > 1 ? 'Fused: all that an example has' : 'Head',
      metric: metrics.fused,
    },
    ...(used.length > 1
      ? used.map((kind) => ({ kind, name: `By its ${kind} alone`, metric: metrics[kind] }))
      : []),
  ];
  return [
    table(
      'Figures on the test examples, which training never saw',
      [
        { title: 'Answer' },
        { title: 'Examples', numeric: true },
        { title: 'Accuracy', numeric: true },
        { title: 'Macro-F1', numeric: true },
        { title: 'Negative log likelihood', numeric: true },
        { title: 'Calibration error', numeric: true },
      ],
      rows.flatMap(({ kind, name, metric }) =>
        metric
          ? [
              [
                h('span', { class: `key ${kind}` }, name),
                count(metric.examples),
                percent(metric.accuracy),
                percent(metric.macroF1),
                decimal(metric.negativeLogLikelihood, 3),
                percent(metric.calibrationError),
              ],
            ]
          : [],
      ),
    ),
    paragraph(
      'Accuracy is the share of right answers. Macro-F1 is the mean over classes of the F1 score, so that a rare class ',
      'counts as much as a common one. The negative log likelihood is the mean surprise at the true label: lower is ',
      'better, 0 is certainty. The calibration error is how far the stated probabilities are from the share of right ',
      'answers: lower is better.',
    ),
  ];
}
