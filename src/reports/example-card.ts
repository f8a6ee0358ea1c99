import { h } from 'preact';
import type { Example } from '../datasets/example.ts';
import { largestIndex } from '../evaluation/single-label.ts';
import { itemAt } from '../indexing.ts';
import { modalityNames } from '../modalities/registry.ts';
import { textOf } from '../targets/truth.ts';
import { sourceOf, type Thumbnails, wordsOf } from './content-views.ts';
import { percent, shorten } from './format.ts';
import { bar, foreign, type Markup } from './markup.ts';
import type { Outcome } from './outcome.ts';

const wordsLength = 200;
const labelLength = 60;

/**
 * One example: image, text, label, and what the head and each modality alone answer, each with the probability of the
 * answer and, where it is another, of the label.
 */
export function exampleCard(
  { example, actual }: Outcome,
  labels: readonly string[],
  thumbnails: Thumbnails,
  remark?: Markup,
): Markup {
  const { truth, probabilities } = example;
  const unimodal = modalityNames.flatMap((kind) => {
    const prediction = probabilities.unimodal[kind];
    return prediction ? [{ kind, prediction }] : [];
  });
  const predictions = [
    ...(unimodal.length > 1 ? [{ kind: 'fused', prediction: probabilities.fused }] : []),
    ...unimodal,
  ];
  return card(example, thumbnails, [
    h(
      'p',
      { class: 'label' },
      'labelled ',
      h('strong', null, foreign(shorten(textOf(truth), labelLength))),
      remark,
    ),
    h(
      'dl',
      null,
      predictions.map(({ kind, prediction }) => {
        const said = largestIndex(prediction);
        const probability = itemAt(prediction, said);
        const own = said === actual ? null : h('small', null, `label ${percent(itemAt(prediction, actual))}`);
        return [
          h('dt', null, kind),
          h(
            'dd',
            null,
            bar(kind, probability, [
              foreign(shorten(itemAt(labels, said), labelLength)),
              ` ${percent(probability)} `,
              own,
            ]),
          ),
        ];
      }),
    ),
  ]);
}

/** An example as a card: its content, what is to be said of it, and where it stands. */
export function card(example: Example, thumbnails: Thumbnails, remarks: Markup): Markup {
  const { row, content } = example;
  return h(
    'li',
    { class: 'card' },
    image(example, thumbnails),
    h('div', null, wordsOf(content, wordsLength), remarks, sourceOf(row, content)),
  );
}

/** The example's image, small; nothing where it has none or it cannot be read. */
export function image(example: Example, thumbnails: Thumbnails): Markup {
  const thumbnail = thumbnails.get(example);
  if (!thumbnail) return null;
  const { url, width, height } = thumbnail;
  const alt = `Image of row ${example.row}, labelled ${shorten(textOf(example.truth), labelLength)}`;
  return h('img', { src: url, width, height, alt });
}

export function exampleList(cards: readonly Markup[]): Markup {
  return h('ul', { class: 'cards' }, cards);
}
