import { type ScaleLinear, scaleLinear } from 'd3-scale';
import { h } from 'preact';
import type { Markup } from './markup.ts';

type Scale = ScaleLinear<number, number>;

interface Axis {
  domain: [number, number];
  name?: string;
  /** How the numbers along it are written. */
  format?(value: number): string;
}

export interface PlotOptions {
  /** What a person who cannot see the plot is told. */
  description: string;
  x: Axis;
  y: Axis;
  height?: number;
  /** Draws the marks between the axes. */
  marks(x: Scale, y: Scale): Markup;
}

/** Near the width of a telephone: a plot is hardly scaled there, so its letters stay legible. */
const width = 420;
const margin = { right: 20, bottom: 38, left: 46 };
const lineHeight = 14;

/** A plot with axes and grid, as SVG that takes its colours from the page. */
export function plot({ description, x, y, height = 240, marks }: PlotOptions): Markup {
  const across = scaleLinear(x.domain, [margin.left, width - margin.right]);
  const bottom = height - margin.bottom;
  const up = scaleLinear(y.domain, [bottom, y.name ? 10 + lineHeight : 10]);
  return h(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': description },
    up
      .ticks(height < 150 ? 2 : 5)
      .map((tick) => [
        h('line', { class: 'grid', x1: margin.left, x2: width - margin.right, y1: up(tick), y2: up(tick) }),
        h(
          'text',
          { x: margin.left - 6, y: up(tick), dy: '0.32em', 'text-anchor': 'end' },
          (y.format ?? String)(tick),
        ),
      ]),
    across
      .ticks(6)
      .map((tick) => [
        h('line', { class: 'axis', x1: across(tick), x2: across(tick), y1: bottom, y2: bottom + 4 }),
        h(
          'text',
          { x: across(tick), y: bottom + 16, 'text-anchor': 'middle' },
          (x.format ?? ((value: number) => value.toLocaleString('en', { maximumSignificantDigits: 6 })))(
            tick,
          ),
        ),
      ]),
    h('line', { class: 'axis', x1: margin.left, x2: width - margin.right, y1: bottom, y2: bottom }),
    marks(across, up),
    h('text', { x: width - margin.right, y: height - 5, 'text-anchor': 'end' }, x.name),
    y.name && h('text', { x: 0, y: 11 }, y.name),
  );
}
