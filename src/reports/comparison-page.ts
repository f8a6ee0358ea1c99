import { h } from 'preact';
import type { MetricTitle } from '../evaluation/metrics.ts';
import type { Difference } from '../evaluation/paired-difference.ts';
import { evaluations } from '../evaluation/targets.ts';
import { required } from '../indexing.ts';
import { byModality, type ModalityName, modalityNames } from '../modalities/registry.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import type { Comparison, ContenderResult } from '../training/comparison.ts';
import { htmlDocument } from './document.ts';
import { dotPlot } from './dot-plot.ts';
import { count, decimal, percent } from './format.ts';
import { figure, foreign, type Markup, paragraph, table } from './markup.ts';

const descriptions: Record<ContenderResult['contender'], string> = {
  arl: 'Asymmetric Representation Learning: auxiliary losses, gradients scaled by inverse variance, of which entropy stands for the variance',
  'arl-dropout': 'the same, the variance measured by four passes with different features dropped',
  uniform: 'the same losses, gradients scaled alike',
  joint: 'the fused loss alone',
  'ogm-ge': 'the fused loss, the gradient of the modality that is ahead held back, noise added',
  pdmp: 'the fused loss, the gradient of the modality that reaches most alone enlarged, those of the others made smaller',
  late: 'each modality trained alone, probabilities averaged',
  ...byModality(({ name }) => `the ${name} alone`),
};

/** The whole page about a comparison of strategies. */
export function comparisonPage(comparison: Comparison): string {
  const { dataset, examples, labels, seeds, split } = comparison;
  const facts: [string, Markup][] = [
    ['Examples', `${count(examples.training)} to train on, ${count(examples.test)} to test on`],
    ['Labels', count(labels)],
    split === 'marked'
      ? ['Seeds', `${count(seeds.length)}, on the dataset’s own split`]
      : ['Splits', count(seeds.length)],
  ];
  const header = h(
    'header',
    null,
    h('h1', null, foreign(dataset), ': which strategy?'),
    h('p', { class: 'verdict' }, verdictOf(comparison)),
    h(
      'dl',
      { class: 'facts' },
      facts.map(([term, description]) => h('div', null, h('dt', null, term), h('dd', null, description))),
    ),
  );
  return htmlDocument(`${dataset}: which strategy?`, header, [
    { id: 'best', title: 'Which is best?', content: [mainFigures(comparison), fusedTable(comparison)] },
    { id: 'difference', title: 'Is the difference real?', content: differences(comparison) },
    {
      id: 'alone',
      title: 'What if one modality is missing?',
      content: [
        paragraph('The same heads, asked about one modality of each test example.'),
        ...modalityNames.map((modality) => modalityTable(comparison, modality)),
      ],
    },
    { id: 'strategies', title: 'What was compared?', content: strategiesTable(comparison) },
  ]);
}

function verdictOf({ verdict, target, split }: Comparison): Markup {
  if (!verdict) return 'The dataset has one modality, so there is nothing to balance.';
  const [main] = evaluations[target].titles;
  const { against, difference } = verdict;
  const range = interval(difference)
    .map((value) => written(value, main))
    .join(' to ');
  const words = difference.isDifferent
    ? `ARL is ${difference.mean > 0 === main.moreIsBetter ? 'better' : 'worse'} than`
    : 'There is no difference between ARL and';
  return [
    words,
    ' ',
    h('strong', null, against),
    `, the best of the others: its ${main.title} differs by ${range} (95\u00a0% interval${split === 'marked' ? ', which covers seeds only: the test examples were the same each time' : ''}).`,
  ];
}

function mainFigures({ results, seeds, split, target }: Comparison): Markup {
  const [main] = evaluations[target].titles;
  const chart = dotPlot(
    results.map(({ contender, fused }) => ({
      name: contender,
      dots: required(fused[main.name], main.title).bySeed,
      centre: required(fused[main.name], main.title).mean,
    })),
    {
      description: `The ${main.title} of every strategy on every split; the table below has the numbers`,
      axis: `${main.title} on the test examples`,
      format: (value) => written(value, main),
    },
  );
  return figure(
    `By split: ${main.title}`,
    null,
    chart,
    `A dot is one of ${count(seeds.length, split === 'marked' ? 'seed' : 'split')}, the same for every strategy; the bar is their mean.`,
  );
}

function fusedTable({ results, target }: Comparison): Markup {
  return figuresTable(
    'From everything that an example has: mean ± standard deviation',
    results,
    target,
    ({ fused }) => fused,
  );
}

function modalityTable({ results, target }: Comparison, modality: ModalityName): Markup {
  const able = results.filter(({ unimodal }) => unimodal[modality]);
  if (able.length === 0) return null;
  return figuresTable(
    `From the ${modality} alone: mean ± standard deviation`,
    able,
    target,
    ({ unimodal }) => unimodal[modality],
  );
}

function figuresTable(
  caption: string,
  results: readonly ContenderResult[],
  target: TargetKind,
  figuresOf: (result: ContenderResult) => ContenderResult['fused'] | undefined,
): Markup {
  const titles = evaluations[target].titles;
  return table(
    caption,
    [{ title: 'Trained as' }, ...titles.map(({ title }) => ({ title, numeric: true }))],
    results
      .flatMap((result) => {
        const figures = figuresOf(result);
        return figures ? [{ contender: result.contender, figures }] : [];
      })
      .map(({ contender, figures }) => [
        contender,
        ...titles.map((metric) => {
          const { mean, standardDeviation } = required(figures[metric.name], metric.title);
          return `${written(mean, metric)} ± ${written(standardDeviation, metric)}`;
        }),
      ]),
  );
}

function differences({ differences, target }: Comparison): Markup {
  if (!differences) return paragraph('There is nothing to compare with.');
  const titles = evaluations[target].titles;
  const [main] = titles;
  const charts = titles.map((metric) =>
    figure(
      `ARL less the other: ${metric.title}`,
      null,
      dotPlot(
        differences.map(({ against, figures }) => {
          const difference = required(figures[metric.name], metric.title);
          return { name: against, dots: [], centre: difference.mean, interval: interval(difference) };
        }),
        {
          description: `Differences in ${metric.title}, with 95 % intervals; the table below has the numbers`,
          axis: metric.title,
          format: (value) => written(value, metric),
          reference: 0,
        },
      ),
      `ARL is better to the ${metric.moreIsBetter ? 'right' : 'left'} of the dashed line.`,
    ),
  );
  return [
    h('div', { class: 'figures' }, charts),
    paragraph(
      'A line is the 95\u00a0% interval of the mean difference over the splits, widened because splits of one dataset share ',
      'examples (Nadeau and Bengio 2003). Where it crosses the dashed line, no difference was found.',
    ),
    table(
      'ARL less the other: mean ± half the 95 % interval',
      [
        { title: 'Against' },
        ...titles.map(({ title }) => ({ title, numeric: true })),
        { title: `Finding, by ${main.title}` },
      ],
      differences.map(({ against, figures }) => [
        against,
        ...titles.map((metric) => {
          const { mean, margin } = required(figures[metric.name], metric.title);
          return `${written(mean, metric)} ± ${written(margin, metric)}`;
        }),
        finding(required(figures[main.name], main.title), main),
      ]),
    ),
  ];
}

function finding({ mean, isDifferent }: Difference, { moreIsBetter }: MetricTitle): string {
  if (!isDifferent) return 'no difference';
  return mean > 0 === moreIsBetter ? 'ARL is better' : 'ARL is worse';
}

function strategiesTable({ results }: Comparison): Markup {
  return table(
    'Every one with the same recipe, budget and splits, calibrated on a part of its training side',
    [{ title: 'Trained as' }, { title: 'What it is' }],
    results.map(({ contender }) => [contender, descriptions[contender]]),
  );
}

function interval({ mean, margin }: Difference): [number, number] {
  return [mean - margin, mean + margin];
}

function written(value: number, { isShare }: MetricTitle): string {
  return isShare ? percent(value) : decimal(value, 3);
}
