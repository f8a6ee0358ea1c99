import { h } from 'preact';
import { shareInterval } from '../evaluation/intervals.ts';
import { figureNamed, type Metrics, type MetricTitle } from '../evaluation/metrics.ts';
import { evaluations } from '../evaluation/targets.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import { modalityNames } from '../modalities/registry.ts';
import type { AnswersReport } from '../training/report-input.ts';
import { count, day, decimal, percent } from './format.ts';
import { foreign, type Markup, paragraph, table } from './markup.ts';
import { isRight, type Outcome } from './outcome.ts';

/** What the head is, and in one sentence how good. */
export function headline(
  { manifest, test, evaluated }: Pick<AnswersReport, 'manifest' | 'test' | 'evaluated'>,
  sentence: Markup,
): Markup {
  const { name, version, createdAt, labels, encoders, training } = manifest;
  const facts: [string, Markup][] = [
    ...(evaluated === undefined ? [] : [['Measured on', foreign(evaluated)] satisfies [string, Markup]]),
    [evaluated === undefined ? 'Dataset' : 'Trained on', foreign(training.dataset)],
    [
      'Examples',
      evaluated === undefined
        ? `${count(training.examples.training)} to train on, ${count(training.examples.test)} to test on`
        : count(test.length),
    ],
    ['Labels', count(labels.length)],
    ['Encoders', encoders.map(({ modality, id }) => h('div', null, `${modality}: ${id}`))],
    ['Trained', `${day(createdAt)}, on ${training.provider === 'cuda' ? 'a GPU (CUDA)' : 'the CPU'}`],
  ];
  return h(
    'header',
    null,
    h('h1', null, foreign(`${name}@${version}`)),
    h('p', { class: 'verdict' }, sentence),
    evaluated === undefined &&
      training.refit &&
      paragraph(
        `This was measured on a head that learned from the ${count(training.examples.training)} training examples alone. The head that is served was then trained anew, in the same way, on all ${count(training.refit.examples)}.`,
      ),
    h(
      'dl',
      { class: 'facts' },
      facts.map(([term, description]) => h('div', null, h('dt', null, term), h('dd', null, description))),
    ),
  );
}

/** How often a head that gives one label is right. */
export function verdict(outcomes: readonly Outcome[]): Markup {
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

/** The most telling figure of a head of any kind. */
export function mainFigure({ target, metrics }: HeadManifest): Markup {
  const [main] = evaluations[target].titles;
  return [
    h('strong', null, `${main.title} ${written(metrics.fused, main)}`),
    ` on ${count(figureNamed('examples', metrics.fused), 'test example')}.`,
  ];
}

/**
 * The figures that people compare heads by.
 * @param explanation what they mean
 */
export function metricsTable(
  { manifest, evaluated }: Pick<AnswersReport, 'manifest' | 'evaluated'>,
  explanation: string,
): Markup {
  const { target, metrics, encoders } = manifest;
  const titles = evaluations[target].titles;
  const used = modalityNames.filter((modality) => encoders.some((encoder) => encoder.modality === modality));
  const rows = [
    {
      kind: 'fused',
      name: used.length > 1 ? 'Fused: all that an example has' : 'Head',
      metric: metrics.fused,
    },
    ...(used.length > 1
      ? used.map((kind) => ({ kind, name: `By its ${kind} alone`, metric: metrics.unimodal[kind] }))
      : []),
  ];
  return [
    table(
      evaluated === undefined
        ? 'Figures on the test examples, which the measured head never saw'
        : 'Figures on the examples that were measured',
      [
        { title: 'Answer' },
        { title: 'Examples', numeric: true },
        ...titles.map(({ title }) => ({ title: capitalized(title), numeric: true })),
      ],
      rows.flatMap(({ kind, name, metric }) =>
        metric
          ? [
              [
                h('span', { class: `key ${kind}` }, name),
                count(figureNamed('examples', metric)),
                ...titles.map((title) => written(metric, title)),
              ],
            ]
          : [],
      ),
    ),
    paragraph(explanation),
  ];
}

function written(metrics: Metrics, { name, isShare }: MetricTitle): string {
  const value = figureNamed(name, metrics);
  return isShare ? percent(value) : decimal(value, 3);
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
