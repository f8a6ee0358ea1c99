import { h } from 'preact';
import { itemAt } from '../indexing.ts';
import type { TruthTable } from '../targets/truth-table.ts';
import type { TestExample } from '../training/report-input.ts';
import type { Thumbnails } from './content-views.ts';
import { card, exampleList } from './example-card.ts';
import { count, decimal } from './format.ts';
import { figure, type Markup, paragraph } from './markup.ts';
import { plot } from './plot.ts';

const mostDots = 2000;
const listed = 24;

/** What the head says of every test example against what is true. */
export function numberPlot(test: readonly TestExample[], truth: TruthTable): Markup {
  const every = Math.ceil(test.length / mostDots);
  const dots = numbersOf(test, truth).filter((_, row) => row % every === 0);
  const all = dots.flatMap(({ actual, said }) => [actual, said]);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const domain: [number, number] = [least, most];
  return figure(
    'Said and true',
    null,
    plot({
      description: 'What the head says of every test example against what is true',
      x: { domain, name: 'true' },
      y: { domain, name: 'said' },
      height: 380,
      marks: (x, y) => [
        h('line', {
          class: 'reference',
          x1: x(least),
          y1: y(least),
          x2: x(most),
          y2: y(most),
        }),
        dots.map(({ actual, said }) => h('circle', { class: 'dot', cx: x(actual), cy: y(said), r: 2.5 })),
      ],
    }),
    `Each dot is a test example${every > 1 ? ` (one of ${every} is shown)` : ''}; on the dashed line the answer is right.`,
  );
}

/** A test example, its number, and what the head says of it. */
export interface NumberOutcome {
  example: TestExample;
  actual: number;
  said: number;
}

function numbersOf(test: readonly TestExample[], { values }: TruthTable): NumberOutcome[] {
  return test.map((example, row) => ({
    example,
    actual: itemAt(values, row),
    said: itemAt(example.probabilities.fused, 0),
  }));
}

/** The examples that the head was furthest off. */
export function largestErrors(test: readonly TestExample[], truth: TruthTable): NumberOutcome[] {
  return numbersOf(test, truth)
    .sort((a, b) => Math.abs(b.said - b.actual) - Math.abs(a.said - a.actual))
    .slice(0, listed);
}

export function largestErrorsView(errors: readonly NumberOutcome[], thumbnails: Thumbnails): Markup {
  return [
    paragraph(`The ${count(errors.length, 'test example')} that it was furthest off, the worst first.`),
    exampleList(
      errors.map(({ example, actual, said }) =>
        card(
          example,
          thumbnails,
          h(
            'p',
            { class: 'label' },
            'true ',
            h('strong', null, decimal(actual, 3)),
            ', said ',
            decimal(said, 3),
          ),
        ),
      ),
    ),
  ];
}
