import { h } from 'preact';
import type { Comparison, ContenderResult, Figure, Spread } from '../compare.ts';
import { htmlDocument } from './document.ts';
import { dotPlot } from './dot-plot.ts';
import { count, decimal, percent, points } from './format.ts';
import { figure, foreign, type Markup, paragraph, table } from './markup.ts';

const descriptions: Record<ContenderResult['contender'], string> = {
  arl: 'Asymmetric Representation Learning: auxiliary losses, gradients scaled by inverse variance, of which entropy stands for the variance',
  'arl-dropout': 'the same, the variance measured by four passes with different features dropped',
  uniform: 'the same losses, gradients scaled alike',
  joint: 'the fused loss alone',
  'ogm-ge': 'the fused loss, the gradient of the modality that is ahead held back, noise added',
  late: 'each modality trained alone, probabilities averaged',
  image: 'the picture alone',
  text: 'the text alone',
};

/** The whole page about a comparison of strategies. */
export function comparisonPage(comparison: Comparison): string {
  const { dataset, examples, labels, seeds } = comparison;
  const facts: [string, Markup][] = [
    ['Examples', `${count(examples.training)} to train on, ${count(examples.test)} to test on`],
    ['Labels', count(labels)],
    ['Splits', count(seeds.length)],
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
    { id: 'best', title: 'Which is best?', content: [accuracies(comparison), fusedTable(comparison)] },
    { id: 'difference', title: 'Is the difference real?', content: differences(comparison) },
    {
      id: 'alone',
      title: 'What if one modality is missing?',
      content: [
        paragraph('The same heads, asked about one modality of each test example.'),
        ...(['image', 'text'] as const).map((modality) => modalityTable(comparison, modality)),
      ],
    },
    { id: 'strategies', title: 'What was compared?', content: strategiesTable(comparison) },
  ]);
}

function verdictOf({ verdict }: Comparison): Markup {
  if (!verdict) return 'The dataset has one modality, so there is nothing to balance.';
  const { against, difference } = verdict;
  const range = interval(difference.mean, difference.margin).map(points).join(' to ');
  const words = difference.isDifferent
    ? `ARL is ${difference.mean > 0 ? 'better' : 'worse'} than`
    : 'There is no difference between ARL and';
  return [
    words,
    ' ',
    h('strong', null, against),
    `, the best of the others: its accuracy differs by ${range} percentage points (95\u00a0% interval).`,
  ];
}

function accuracies({ results, seeds }: Comparison): Markup {
  const chart = dotPlot(
    results.map(({ contender, fused }) => ({
      name: contender,
      dots: fused.accuracy.bySeed,
      centre: fused.accuracy.mean,
    })),
    {
      description: 'Accuracy of every strategy on every split; the table below has the numbers',
      axis: 'accuracy on the test examples',
      format: percent,
    },
  );
  return figure(
    'Accuracy by split',
    null,
    chart,
    `A dot is one of ${count(seeds.length, 'split')}, the same for every strategy; the bar is their mean.`,
  );
}

function fusedTable({ results }: Comparison): Markup {
  return figuresTable('From everything that an example has: mean ± standard deviation', results, 'fused');
}

function modalityTable({ results }: Comparison, modality: 'image' | 'text'): Markup {
  const able = results.filter((result) => result[modality]);
  if (able.length === 0) return null;
  return figuresTable(`From the ${modality} alone: mean ± standard deviation`, able, modality);
}

function figuresTable(
  caption: string,
  results: readonly ContenderResult[],
  answer: 'fused' | 'image' | 'text',
): Markup {
  return table(
    caption,
    [
      { title: 'Trained as' },
      ...['Accuracy', 'Macro-F1', 'Negative log likelihood', 'Calibration error'].map((title) => ({
        title,
        numeric: true,
      })),
    ],
    results.map((result) => {
      const figures = result[answer]!;
      return [
        result.contender,
        spread(figures.accuracy, percent),
        spread(figures.macroF1, decimal),
        spread(figures.negativeLogLikelihood, decimal),
        spread(figures.calibrationError, percent),
      ];
    }),
  );
}

function differences({ differences }: Comparison): Markup {
  if (!differences) return paragraph('There is nothing to compare with.');
  const chart = (
    key: Figure,
    title: string,
    axis: string,
    format: (value: number) => string,
    reading: string,
  ) =>
    figure(
      title,
      null,
      dotPlot(
        differences.map(({ against, figures }) => ({
          name: against,
          dots: [],
          centre: figures[key].mean,
          interval: interval(figures[key].mean, figures[key].margin),
        })),
        {
          description: `${title}, with 95 % intervals; the table below has the numbers`,
          axis,
          format,
          reference: 0,
        },
      ),
      reading,
    );
  return [
    h(
      'div',
      { class: 'figures' },
      chart(
        'accuracy',
        'Accuracy: ARL less the other',
        'percentage points',
        points,
        'To the right of the dashed line ARL is more often right.',
      ),
      chart(
        'negativeLogLikelihood',
        'Negative log likelihood: ARL less the other',
        'nats',
        decimal,
        'To the left of the dashed line ARL finds the true labels likelier.',
      ),
    ),
    paragraph(
      'A line is the 95\u00a0% interval of the mean difference over the splits, widened because splits of one dataset share ',
      'examples (Nadeau and Bengio 2003). Where it crosses the dashed line, no difference was found.',
    ),
    table(
      'ARL less the other: mean ± half the 95 % interval',
      [
        { title: 'Against' },
        { title: 'Accuracy, points', numeric: true },
        { title: 'Negative log likelihood', numeric: true },
        { title: 'Finding' },
      ],
      differences.map(({ against, figures: { accuracy, negativeLogLikelihood } }) => [
        against,
        `${points(accuracy.mean)} ± ${points(accuracy.margin)}`,
        `${decimal(negativeLogLikelihood.mean, 3)} ± ${decimal(negativeLogLikelihood.margin, 3)}`,
        accuracy.isDifferent ? (accuracy.mean > 0 ? 'ARL is better' : 'ARL is worse') : 'no difference',
      ]),
    ),
  ];
}

function strategiesTable({ results }: Comparison): Markup {
  return table(
    'Every one with the same recipe, budget and splits',
    [{ title: 'Trained as' }, { title: 'What it is' }],
    results.map(({ contender }) => [contender, descriptions[contender]]),
  );
}

function interval(mean: number, margin: number): [number, number] {
  return [mean - margin, mean + margin];
}

function spread({ mean, standardDeviation }: Spread, format: (value: number) => string): string {
  return `${format(mean)} ± ${format(standardDeviation)}`;
}
