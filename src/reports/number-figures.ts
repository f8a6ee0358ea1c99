import { h } from 'preact';
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
export function numberPlot(test: readonly TestExample[], { values }: TruthTable): Markup {
  const every = Math.ceil(test.length / mostDots);
  const dots = test
    .map(({ probabilities }, row) => ({ actual: values[row], said: probabilities.fused[0] }))
    .filter((_, row) => row % every === 0);
  const all = dots.flatMap(({ actual, said }) => [actual, said]);
  const domain: [number, number] = [Math.min(...all), Math.max(...all)];
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
          x1: x(domain[0]),
          y1: y(domain[0]),
          x2: x(domain[1]),
          y2: y(domain[1]),
        }),
        dots.map(({ actual, said }) => h('circle', { class: 'dot', cx: x(actual), cy: y(said), r: 2.5 })),
      ],
    }),
    `Each dot is a test example${every > 1 ? ` (one of ${every} is shown)` : ''}; on the dashed line the answer is right.`,
  );
}

/** The examples that the head was furthest off. */
export function largestErrors(
  test: readonly TestExample[],
  { values }: TruthTable,
): { example: TestExample; actual: number; said: number }[] {
  return test
    .map((example, row) => ({ example, actual: values[row], said: example.probabilities.fused[0] }))
    .sort((a, b) => Math.abs(b.said - b.actual) - Math.abs(a.said - a.actual))
    .slice(0, listed);
}

export function largestErrorsView(errors: ReturnType<typeof largestErrors>, thumbnails: Thumbnails): Markup {
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
