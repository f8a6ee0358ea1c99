import { h } from 'preact';
import type { Example } from '../datasets/example.ts';
import { keyOf, textOf } from '../targets/truth.ts';
import type { NearDuplicateExamples } from '../training/report-input.ts';
import { sourceOf, type Thumbnails, wordsOf } from './content-views.ts';
import { exampleList, image } from './example-card.ts';
import { count, decimal, percent, shorten } from './format.ts';
import { listLimit } from './galleries.ts';
import { foreign, type Markup, paragraph } from './markup.ts';
import { isRight, type Outcome } from './outcome.ts';

const wordsLength = 120;
const labelLength = 60;

/** Whether the test is one: examples that were as good as trained on say nothing about new ones. */
export function nearDuplicatesView(
  pairs: readonly NearDuplicateExamples[] | undefined,
  total: number,
  thumbnails: Thumbnails,
  outcomes?: readonly Outcome[],
): Markup {
  if (!pairs)
    return paragraph('There are too many examples to compare each with each, so this was not looked into.');
  if (pairs.length === 0)
    return paragraph(
      `Yes: none of the ${count(total, 'test example')} looks like one that the head was trained on.`,
    );
  const twins = new Set(pairs.map(({ test }) => test));
  const rest = outcomes?.filter(({ example }) => !twins.has(example));
  return [
    paragraph(
      `${count(pairs.length, 'test example')} of ${count(total)} ${pairs.length === 1 ? 'looks' : 'look'} nearly like one that `,
      'the head was trained on, so it may simply remember the answer. ',
      rest && [
        'Without them it is right on ',
        h('strong', null, percent(rest.filter(isRight).length / rest.length)),
        ' of the test examples. ',
      ],
      'Near-duplicates with different labels are worth a look.',
      pairs.length > listLimit && ` These are the ${listLimit} likest.`,
    ),
    exampleList(pairs.slice(0, listLimit).map((pair) => pairCard(pair, thumbnails))),
  ];
}

/** The examples whose images {@link nearDuplicatesView} shows. */
export function nearDuplicatesListed(pairs: readonly NearDuplicateExamples[]): Example[] {
  return pairs.slice(0, listLimit).flatMap(({ test, train }) => [test, train]);
}

function pairCard({ test, train, similarity }: NearDuplicateExamples, thumbnails: Thumbnails): Markup {
  return h(
    'li',
    { class: 'card' },
    h('div', null, side(test, 'tested on', thumbnails)),
    h(
      'div',
      null,
      side(train, 'trained on', thumbnails, keyOf(test.truth) !== keyOf(train.truth)),
      h('p', { class: 'source' }, `cosine ${decimal(similarity, 3)}`),
    ),
  );
}

function side(example: Example, role: string, thumbnails: Thumbnails, contradicts = false): Markup {
  const { row, content, truth } = example;
  return [
    image(example, thumbnails),
    wordsOf(content, wordsLength),
    h(
      'p',
      { class: 'label' },
      `${role}, labelled `,
      h(
        'strong',
        { class: contradicts ? 'suggested' : undefined },
        foreign(shorten(textOf(truth), labelLength)),
      ),
    ),
    sourceOf(row, content),
  ];
}
