import { h } from 'preact';
import type { HeadManifest } from '../heads/manifest.ts';
import { itemAt } from '../indexing.ts';
import type { TrainingHistory } from '../training/loop/history.ts';
import { type Curve, curvesPlot } from './curve.ts';
import { decimal } from './format.ts';
import { figure, legend, type Markup, paragraph } from './markup.ts';
import { mean } from './mean.ts';
import type { TrainingSettings } from './settings.ts';

/** Nearer to an even share than this, k is called even. */
const evenWithin = 0.02;

/** What is balanced, in the order of a training's statistics: modalities, and what stands beside them. */
function kindsOf(encoders: HeadManifest['encoders']): string[] {
  return [
    ...encoders.map(({ modality }) => modality),
    ...encoders.flatMap(({ companion }) => (companion ? [companion.id] : [])),
  ];
}

/**
 * H, q, d and k over the steps, and in words whether the method was doing anything.
 * @param guessingEntropy that of knowing nothing about so many labels
 */
export function balance(
  { encoders, labels }: HeadManifest,
  history: TrainingHistory,
  settings: TrainingSettings,
  guessingEntropy: (labels: number) => number,
): Markup {
  const kinds = kindsOf(encoders);
  if (kinds.length < 2) return paragraph(`The head has the ${kinds[0]} only: there is nothing to balance.`);
  if (history.statistics.length === 0) return paragraph('No steps were recorded.');
  const { warmUp } = settings;
  const curves = (row: number) =>
    kinds.map((kind, m) => ({
      kind,
      values: history.statistics.map((rows) => rows[row]?.[m] ?? Number.NaN),
    }));
  const even = 1 / kinds.length;
  const { variance } = settings;
  const guessing = variance === 'dropout' ? undefined : guessingEntropy(labels.length);
  const colours = legend(kinds.map((kind) => ({ kind, name: kind })));
  const share = (title: string, row: number, reading: string) =>
    figure(
      title,
      colours,
      curvesPlot({
        description: `${title}, over the steps`,
        curves: curves(row),
        domain: [0, 1],
        reference: even,
        warmUp,
      }),
      reading,
    );
  return [
    paragraph(finding(curves(3), settings)),
    h(
      'div',
      { class: 'figures' },
      uncertainty(colours, curves(0), { guessing, labels: labels.length, warmUp }),
      share(
        'Target share, q',
        1,
        'How much each modality ought to decide if the surer one, with the lower H, is trusted more (inverse-variance weighting).',
      ),
      share(
        'Dependence, d',
        2,
        'How much of the decision rests on each modality now, by the size of its logits. Where d differs from q, there is something to balance.',
      ),
      share(
        'Coefficient, k',
        3,
        'What follows from q and d: each modality’s adapter learns 1 + k times as fast. Where every line lies at the dashed one, all are treated alike.',
      ),
    ),
  ];
}

/**
 * H over the steps.
 * @param guessing the entropy of knowing nothing; undefined where H is a variance
 */
function uncertainty(
  colours: Markup,
  curves: readonly Curve[],
  { guessing, labels, warmUp }: { guessing: number | undefined; labels: number; warmUp: number },
): Markup {
  return figure(
    guessing === undefined ? 'Variance under dropout, H' : 'Entropy, H',
    colours,
    curvesPlot({
      description: 'How unsure each modality alone is, over the steps',
      curves,
      domain: guessing === undefined ? undefined : [0, 1.05 * guessing],
      reference: guessing,
      warmUp,
    }),
    guessing === undefined
      ? 'How far the predictions of each modality alone spread over passes with different features dropped.'
      : `How unsure each modality alone is: 0 is certain, ${decimal(guessing)} (dashed) is guessing among ${labels} labels. ` +
          'It stands in for the variance of the modality’s predictions, and only roughly: one pass through the network says little about variance.',
  );
}

/** What the other strategies do in ARL's place. */
const withoutBalance: Readonly<Partial<Record<string, string>>> = {
  joint: 'the fused loss alone, nothing scaled',
  uniform: 'every modality gets the same k',
  'ogm-ge': 'the gradients of a modality that is ahead are made smaller, by how likely it finds the truth',
  pdmp: 'the modality that reached most alone got 1.5 times its update, the others half of theirs',
  late: 'each modality learns by itself',
};

function finding(coefficients: readonly Curve[], { strategy, warmUp }: TrainingSettings): Markup {
  const even = 1 / coefficients.length;
  const means = coefficients.map(({ kind, values }) => ({ kind, k: mean(values.slice(warmUp)) }));
  const figures = means.map(({ kind, k }) => `${decimal(k)} for the ${kind}`).join(' and ');
  const instead = strategy && withoutBalance[strategy];
  if (instead)
    return [
      h('strong', null, 'ARL was off. '),
      `The strategy is “${strategy}”: ${instead}. `,
      `With ARL, k would have been ${figures} on average.`,
    ];
  const ascending = means.toSorted((a, b) => a.k - b.k);
  const [lowest, highest] = [itemAt(ascending, 0), itemAt(ascending, -1)];
  const ratio = (1 + highest.k) / (1 + lowest.k);
  const caveat =
    ' Whether the balancing helps is another question: only training the same data with the other strategies, over several seeds, answers it.';
  if (means.every(({ k }) => Math.abs(k - even) < evenWithin))
    return [
      h('strong', null, 'Hardly. '),
      `After the warm-up k was ${figures} on average, so near to even that scaling all alike would have given nearly the same head.`,
      caveat,
    ];
  return [
    h('strong', null, `It favours the ${highest.kind}${ratio < 1.1 ? ', a little' : ''}. `),
    `After the warm-up k was ${figures} on average, so the ${highest.kind}’s adapter learned ${decimal(ratio)} times as fast as the ${lowest.kind}’s.`,
    caveat,
  ];
}
