import { line } from 'd3-shape';
import { h } from 'preact';
import { itemAt } from '../indexing.ts';
import type { Markup } from './markup.ts';
import { plot } from './plot.ts';

export interface Curve {
  /** Which colour it has. */
  kind: string;
  /** One value for each step. */
  values: readonly number[];
}

export interface CurvesOptions {
  description: string;
  curves: readonly Curve[];
  /** Lowest and highest value shown; what the curves need where absent, from 0. */
  domain?: [number, number];
  /** How the values are written along the axis. */
  format?(value: number): string;
  /** A value to compare with, drawn as a dashed line. */
  reference?: number;
  /** Steps at the start to shade. */
  warmUp?: number;
}

type Point = [step: number, value: number];

/** A smoothed curve is a mean over this share of the steps. */
const smoothedShare = 0.05;
/** So many stretches of steps are told apart: about as many as the plot has points across. */
const stretches = 200;

/** Curves over the steps of a training: the raw values pale, their moving average on top. */
export function curvesPlot({
  description,
  curves,
  domain,
  format,
  reference,
  warmUp = 0,
}: CurvesOptions): Markup {
  const steps = Math.max(...curves.map(({ values }) => values.length));
  const finite = curves.flatMap(({ values }) => values.filter(Number.isFinite));
  const highest = finite.reduce((a, b) => Math.max(a, b), 0) || 1;
  return plot({
    description,
    x: { domain: [1, Math.max(2, steps)], name: 'step' },
    y: { domain: domain ?? [0, 1.05 * highest], format },
    marks(x, y) {
      const path = line<Point>(
        ([step]) => round(x(step)),
        ([, value]) => round(y(value)),
      );
      const drawn = (kind: string, points: Point[]) => h('path', { class: kind, d: path(points) ?? '' });
      const [bottom = 0, top = 0] = y.range();
      const shown = reference !== undefined && y(reference) >= top;
      return [
        warmUp > 1 &&
          h('rect', {
            class: 'warm-up',
            x: x(1),
            y: top,
            width: x(warmUp) - x(1),
            height: bottom - top,
          }),
        shown &&
          h('line', { class: 'reference', x1: x(1), x2: x(steps), y1: y(reference), y2: y(reference) }),
        curves.map(({ kind, values }) => drawn(`raw ${kind}`, thin(values))),
        curves.map(({ kind, values }) => drawn(`smooth ${kind}`, thin(smooth(values)))),
      ];
    },
  });
}

/** Moving average, as many steps before as after; fewer towards the ends. Values that are no numbers are passed over. */
export function smooth(values: readonly number[]): number[] {
  const reach = Math.floor((values.length * smoothedShare) / 2);
  const sums = [{ sum: 0, count: 0 }];
  for (const [index, value] of values.entries()) {
    const { sum, count } = itemAt(sums, index);
    sums.push(Number.isFinite(value) ? { sum: sum + value, count: count + 1 } : { sum, count });
  }
  return values.map((_, index) => {
    const half = Math.min(reach, index, values.length - 1 - index);
    const [before, last] = [itemAt(sums, index - half), itemAt(sums, index + half + 1)];
    return (last.sum - before.sum) / (last.count - before.count);
  });
}

/** Points to draw: of a long curve the lowest and the highest of each stretch, so that no spike is lost. */
export function thin(values: readonly number[]): Point[] {
  const points = values
    .map((value, index): Point => [index + 1, value])
    .filter(([, value]) => Number.isFinite(value));
  if (points.length <= 2 * stretches) return points;
  const length = points.length / stretches;
  return Array.from({ length: stretches }, (_, stretch) => {
    const members = points.slice(Math.floor(stretch * length), Math.floor((stretch + 1) * length));
    const sorted = members.toSorted(([, a], [, b]) => a - b);
    return [itemAt(sorted, 0), itemAt(sorted, -1)].sort(([a], [b]) => a - b);
  }).flat();
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
