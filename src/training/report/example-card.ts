import path from 'node:path';
import { h } from 'preact';
import { modalities } from '../../inference/prediction.ts';
import { largestIndex } from '../evaluation.ts';
import { percent, shorten } from './format.ts';
import { bar, foreign, type Markup } from './markup.ts';
import type { Outcome } from './outcome.ts';
import type { Thumbnails } from './thumbnails.ts';

const textLength = 200;

/** One example: picture, text, label, and what the head and each modality alone say of it. */
export function exampleCard(
  { example, actual }: Outcome,
  labels: readonly string[],
  thumbnails: Thumbnails,
  remark?: Markup,
): Markup {
  const { row, image, text, label, probabilities } = example;
  const thumbnail = thumbnails.get(example);
  const known = modalities.filter((modality) => probabilities.unimodal[modality]);
  const opinions = [
    { kind: 'fused', name: known.length > 1 ? 'fused' : 'head', opinion: probabilities.fused },
    ...(known.length > 1
      ? known.map((kind) => ({ kind, name: kind, opinion: probabilities.unimodal[kind]! }))
      : []),
  ];
  return h(
    'li',
    { class: 'card' },
    thumbnail &&
      h('img', {
        src: thumbnail.url,
        width: thumbnail.width,
        height: thumbnail.height,
        alt: `Picture of row ${row}, labelled ${label}`,
      }),
    h(
      'div',
      null,
      text !== undefined && h('p', { class: 'text', dir: 'auto' }, shorten(text, textLength)),
      h('p', { class: 'label' }, 'labelled ', h('strong', null, foreign(label)), remark),
      h(
        'dl',
        null,
        opinions.map(({ kind, name, opinion }) => {
          const said = largestIndex(opinion);
          const own = said === actual ? null : h('small', null, ` own label ${percent(opinion[actual])}`);
          return [
            h('dt', null, name),
            h(
              'dd',
              null,
              bar(kind, opinion[said], [foreign(labels[said]), ` ${percent(opinion[said])}`]),
              own,
            ),
          ];
        }),
      ),
      h('p', { class: 'source' }, `row ${row}`, image && [' · ', foreign(path.basename(image))]),
    ),
  );
}

export function exampleList(cards: readonly Markup[]): Markup {
  return h('ul', { class: 'cards' }, cards);
}
