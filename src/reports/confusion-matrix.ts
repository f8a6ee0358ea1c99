import { h } from 'preact';
import { itemAt, valueFor } from '../indexing.ts';
import { anchorOf, type Cell } from './confusion.ts';
import { count, percent } from './format.ts';
import { foreign, type Markup, paragraph, table } from './markup.ts';

/** More labels than this, and the matrix would be a wall of empty cells. */
const matrixLimit = 30;
const pairLimit = 40;

/** The cells whose examples the report lists: all of a matrix, the fullest mistakes of a longer list. */
export function cellsShown(cells: readonly Cell[], labels: readonly string[]): readonly Cell[] {
  if (labels.length <= matrixLimit) return cells;
  return cells.filter(({ actual, predicted }) => actual !== predicted).slice(0, pairLimit);
}

/** What is taken for what: a matrix, or for many labels the most confused pairs. Figures link to the examples. */
export function confusionView(cells: readonly Cell[], labels: readonly string[]): Markup {
  const supports = new Map<number, number>();
  for (const { actual, outcomes } of cells)
    supports.set(actual, (supports.get(actual) ?? 0) + outcomes.length);
  return labels.length <= matrixLimit ? matrix(cells, labels, supports) : pairs(cells, labels, supports);
}

function matrix(
  cells: readonly Cell[],
  labels: readonly string[],
  supports: ReadonlyMap<number, number>,
): Markup {
  const byPlace = new Map(cells.map((cell) => [anchorOf(cell), cell]));
  const heading = (label: string, scope: 'col' | 'row') =>
    h('th', { scope, title: label }, h('span', null, foreign(label)));
  return [
    paragraph(
      'Each row is a true label, each column what the head answered; the deeper a cell’s colour, the larger its share of ',
      'the row. Green are right answers, red are mistakes. Every number leads to the examples behind it.',
    ),
    h(
      'div',
      { class: 'wide' },
      h(
        'table',
        { class: 'matrix' },
        h('caption', null, 'True labels in rows, answers in columns'),
        h(
          'thead',
          null,
          h(
            'tr',
            null,
            h('td', null, 'true ↓ answer →'),
            labels.map((label) => heading(label, 'col')),
          ),
        ),
        h(
          'tbody',
          null,
          labels.map((label, actual) =>
            h(
              'tr',
              null,
              heading(label, 'row'),
              labels.map((_, predicted) => {
                const cell = byPlace.get(anchorOf({ actual, predicted }));
                return cell ? matrixCell(cell, labels, valueFor(supports, actual)) : h('td', null);
              }),
            ),
          ),
        ),
      ),
    ),
  ];
}

/** @param support examples that bear the true label */
function matrixCell(cell: Cell, labels: readonly string[], support: number): Markup {
  const { actual, predicted, outcomes } = cell;
  const [label, answer] = [itemAt(labels, actual), itemAt(labels, predicted)];
  const number = outcomes.length;
  const share = number / support;
  const title = `${count(number, 'example')} labelled ${label}, answered ${answer} (${percent(share)} of the row)`;
  return h(
    'td',
    {
      class: actual === predicted ? 'right' : 'wrong',
      style: `--share:${(10 + 45 * share).toFixed(0)}%`,
    },
    h('a', { href: `#${anchorOf(cell)}`, title }, count(number)),
  );
}

function pairs(
  cells: readonly Cell[],
  labels: readonly string[],
  supports: ReadonlyMap<number, number>,
): Markup {
  const mistaken = cells.filter(({ actual, predicted }) => actual !== predicted);
  if (mistaken.length === 0) return paragraph('No test example was answered wrongly.');
  const shown = cellsShown(cells, labels);
  const more = mistaken.length - shown.length;
  return [
    paragraph(
      `A matrix of ${count(labels.length)} labels would be unreadable: here are the pairs that are confused most. Each `,
      'number leads to the examples behind it.',
      more > 0 && ` ${count(more, 'more pair')} ${more === 1 ? 'is' : 'are'} confused less often.`,
    ),
    table(
      'The most confused pairs',
      [
        { title: 'True label' },
        { title: 'Answered' },
        { title: 'Examples', numeric: true },
        { title: 'Share of the true label’s', numeric: true },
      ],
      shown.map((cell) => [
        foreign(itemAt(labels, cell.actual)),
        foreign(itemAt(labels, cell.predicted)),
        h('a', { href: `#${anchorOf(cell)}` }, count(cell.outcomes.length)),
        percent(cell.outcomes.length / valueFor(supports, cell.actual)),
      ]),
    ),
  ];
}
