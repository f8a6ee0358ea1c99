import { h } from 'preact';
import { itemAt } from '../indexing.ts';
import { anchorOf, type Cell } from './confusion.ts';
import type { Thumbnails } from './content-views.ts';
import { exampleCard, exampleList } from './example-card.ts';
import { count, percent, shorten } from './format.ts';
import type { LabelError } from './label-errors.ts';
import { foreign, type Markup, paragraph } from './markup.ts';
import type { Outcome } from './outcome.ts';

/** What every list of examples needs to show them. */
export interface Gallery {
  labels: readonly string[];
  thumbnails: Thumbnails;
}

/** Where more labels than this look wrong, the fault is likelier the head's. */
const suspiciousShare = 0.1;
export const listLimit = 24;
const cellLimit = 12;
/** Examples listed in all cells together, as long as each cell shows at least one: it bounds the size of the file. */
const cellsTotal = 400;

/** As many examples of each cell as the file has room for, the same limit for all. */
export function limitPerCell(cells: readonly Cell[]): number {
  for (let limit = cellLimit; limit > 1; limit--) {
    const total = cells.reduce((sum, { outcomes }) => sum + Math.min(limit, outcomes.length), 0);
    if (total <= cellsTotal) return limit;
  }
  return 1;
}

export function mistakesView(mistakes: readonly Outcome[], { labels, thumbnails }: Gallery): Markup {
  return surestMistakes(mistakes, (outcome) => exampleCard(outcome, labels, thumbnails), {
    noun: 'answers',
    remark: ' Such examples are mislabelled, ambiguous, or unlike anything that it was trained on.',
  });
}

/**
 * The first of all mistakes, each as a card.
 * @param mistakes the surest first
 * @param words what they are, and what to think of them
 */
export function surestMistakes<Mistake>(
  mistakes: readonly Mistake[],
  cardOf: (mistake: Mistake) => Markup,
  { noun, remark }: { noun: string; remark: string },
): Markup {
  if (mistakes.length === 0) return null;
  return [
    h('h3', { id: 'mistakes' }, 'Its most confident mistakes'),
    paragraph(
      mistakes.length > listLimit
        ? `The ${listLimit} of ${count(mistakes.length)} wrong ${noun} that it was surest of.`
        : `All its wrong ${noun}, the surest first.`,
      remark,
    ),
    exampleList(mistakes.slice(0, listLimit).map(cardOf)),
  ];
}

/** @param total test examples */
export function labelErrorsView(
  errors: readonly LabelError[],
  total: number,
  { labels, thumbnails }: Gallery,
): Markup {
  return [
    paragraph(
      errors.length === 0
        ? 'No test example looks mislabelled. '
        : `${count(errors.length, 'test example')} ${errors.length === 1 ? 'looks' : 'look'} mislabelled${errors.length > listLimit ? `; these are the ${listLimit} likeliest` : ''}. `,
      'An example is listed where the head gives another label more than that label’s examples get on average, and its own ',
      'label less than is usual for it (confident learning in its simplest form: Northcutt, Jiang and Chuang, “Confident ',
      'Learning: Estimating Uncertainty in Dataset Labels”, Journal of Artificial Intelligence Research 70, 2021). These are ',
      'suggestions to look at, not verdicts, and the rule is strict: the most confident mistakes above are worth a look too. ',
      'Only test examples are checked: what the head was trained on, it cannot judge.',
    ),
    errors.length > suspiciousShare * total &&
      paragraph(
        `${percent(errors.length / total)} of the test examples is more than labels are usually wrong: most of these are probably `,
        'the head’s own mistakes.',
      ),
    errors.length > 0 &&
      exampleList(
        errors
          .slice(0, listLimit)
          .map(({ outcome, suggested }) =>
            exampleCard(outcome, labels, thumbnails, [
              ', perhaps ',
              h('strong', { class: 'suggested' }, foreign(itemAt(labels, suggested))),
            ]),
          ),
      ),
  ];
}

/** The examples behind the confusion matrix. */
export function cellsView(cells: readonly Cell[], { labels, thumbnails }: Gallery): Markup {
  const limit = limitPerCell(cells);
  const title = (label: number) => foreign(shorten(itemAt(labels, label), 60));
  return cells.map((cell) => {
    const { actual, predicted, outcomes } = cell;
    const more = outcomes.length - limit;
    return h(
      'article',
      { id: anchorOf(cell) },
      h(
        'h3',
        null,
        actual === predicted
          ? [title(actual), ', rightly answered']
          : [title(actual), ' taken for ', title(predicted)],
        h('small', null, ` ${count(outcomes.length, 'example')} `, h('a', { href: '#confusion' }, 'back')),
      ),
      exampleList(outcomes.slice(0, limit).map((outcome) => exampleCard(outcome, labels, thumbnails))),
      more > 0 && h('p', { class: 'more' }, `and ${count(more)} more`),
    );
  });
}

/** The examples that {@link cellsView} lists. */
export function outcomesListed(cells: readonly Cell[]): Outcome[] {
  const limit = limitPerCell(cells);
  return cells.flatMap(({ outcomes }) => outcomes.slice(0, limit));
}
