import { scaleLinear, scalePoint } from 'd3-scale';
import { h } from 'preact';
import { required } from '../indexing.ts';
import type { Markup } from './markup.ts';

export interface DotRow {
  name: string;
  /** One dot each. */
  dots: readonly number[];
  /** The thick mark. */
  centre: number;
  /** The ends of a line through the centre. */
  interval?: readonly [number, number];
}

export interface DotPlotOptions {
  /** What a person who cannot see the plot is told. */
  description: string;
  axis: string;
  format(value: number): string;
  /** Where a line stands for "the same". */
  reference?: number;
}

const width = 420;
const margin = { top: 8, right: 20, bottom: 38, left: 76 };
const rowHeight = 26;

/** Named rows over one axis: a dot for every measurement, a mark at the centre. */
export function dotPlot(
  rows: readonly DotRow[],
  { description, axis, format, reference }: DotPlotOptions,
): Markup {
  const values = rows.flatMap(({ dots, centre, interval }) => [...dots, centre, ...(interval ?? [])]);
  if (reference !== undefined) values.push(reference);
  const bottom = margin.top + rowHeight * rows.length;
  const across = scaleLinear(
    [Math.min(...values), Math.max(...values)],
    [margin.left, width - margin.right],
  ).nice(5);
  const down = scalePoint(
    rows.map(({ name }) => name),
    [margin.top + rowHeight / 2, bottom - rowHeight / 2],
  );
  return h(
    'svg',
    { viewBox: `0 0 ${width} ${bottom + margin.bottom}`, role: 'img', 'aria-label': description },
    across
      .ticks(5)
      .map((tick) => [
        h('line', { class: 'grid', x1: across(tick), x2: across(tick), y1: margin.top, y2: bottom }),
        h('text', { x: across(tick), y: bottom + 16, 'text-anchor': 'middle' }, format(tick)),
      ]),
    reference !== undefined &&
      h('line', {
        class: 'reference',
        x1: across(reference),
        x2: across(reference),
        y1: margin.top,
        y2: bottom,
      }),
    rows.map(({ name, dots, centre, interval }) => {
      const y = required(down(name), 'the place of a row');
      return [
        h('text', { x: margin.left - 10, y, dy: '0.32em', 'text-anchor': 'end' }, name),
        interval &&
          h('line', { class: 'interval', x1: across(interval[0]), x2: across(interval[1]), y1: y, y2: y }),
        dots.map((value) =>
          h('circle', { class: 'dot', cx: across(value), cy: y, r: 3.5 }, h('title', null, format(value))),
        ),
        h('line', { class: 'stated', x1: across(centre), x2: across(centre), y1: y - 8, y2: y + 8 }),
      ];
    }),
    h('text', { x: width - margin.right, y: bottom + 33, 'text-anchor': 'end' }, axis),
  );
}
