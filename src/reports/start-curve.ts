import { line } from 'd3-shape';
import { h } from 'preact';
import { shareInterval } from '../evaluation/intervals.ts';
import { evaluations } from '../evaluation/targets.ts';
import type { HeadManifest, StartCurve } from '../heads/manifest.ts';
import { itemAt } from '../indexing.ts';
import type { Section } from './document.ts';
import { count, decimal, percent, wholePercent } from './format.ts';
import { figure, foreign, legend, type Markup, paragraph, table } from './markup.ts';
import { plot } from './plot.ts';

type CurvePoint = StartCurve[number];

/** What examples added to the head of label names that a training started from; nothing where it started from none. */
export function startSections(manifest: HeadManifest): Section[] {
  const { startedFrom } = manifest.training;
  if (!startedFrom || startedFrom.curve.length === 0) return [];
  const { head, curve } = startedFrom;
  const content = [
    paragraph(
      'The training started from ',
      foreign(head),
      ', which knows the names of the labels and no example. So many of the training examples were taken; every figure is of the same ',
      `${count(manifest.training.examples.test, 'held-out example')}.`,
    ),
    figure(
      'Examples of each label',
      legend([
        { kind: 'fused', name: 'started from the names' },
        { kind: 'lexical', name: 'trained on the examples alone' },
      ]),
      chart(manifest, curve),
      'The upper line should rise and never lie below where it begins. Where both lines meet, the names of the labels have no more to say.',
    ),
    figures(manifest, curve),
  ];
  return [{ id: 'start', title: 'What did examples add to the names?', content }];
}

function chart({ target, training }: HeadManifest, curve: StartCurve): Markup {
  const [main] = evaluations[target].titles;
  const place = (point: CurvePoint) => curve.indexOf(point);
  return plot({
    description: `${main.title} by examples of each label: ${curve.map(({ perLabel, blend }) => `${perLabel}: ${decimal(blend)}`).join(', ')}`,
    x: {
      domain: [0, Math.max(1, curve.length - 1)],
      name: 'examples of each label',
      format: (index) =>
        Number.isInteger(index) && index < curve.length ? count(itemAt(curve, index).perLabel) : '',
    },
    y: { domain: [0, 1], format: main.isShare ? wholePercent : String, name: main.title },
    marks(x, y) {
      const path = (kind: string, points: readonly CurvePoint[], heightOf: (point: CurvePoint) => number) =>
        h('path', {
          class: `smooth ${kind}`,
          d:
            line<CurvePoint>(
              (point) => x(place(point)),
              (point) => y(heightOf(point)),
            )([...points]) ?? '',
        });
      const plain = curve.filter((point) => point.plain !== undefined);
      return [
        curve.map((point) => {
          const [low, high] = intervalOf(point.blend, training.examples.test, main.isShare) ?? [];
          const at = x(place(point));
          return (
            low !== undefined &&
            high !== undefined &&
            h('line', { class: 'interval', x1: at, x2: at, y1: y(low), y2: y(high) })
          );
        }),
        path('lexical', plain, ({ plain = Number.NaN }) => plain),
        path('fused', curve, ({ blend }) => blend),
      ];
    },
  });
}

function figures({ target, training }: HeadManifest, curve: StartCurve): Markup {
  const [{ title, isShare }] = evaluations[target].titles;
  const written = (value: number | undefined) => {
    if (value === undefined) return '–';
    const interval = intervalOf(value, training.examples.test, isShare);
    const text = isShare ? percent(value) : decimal(value, 3);
    return interval ? `${text} (${interval.map(percent).join(' to ')})` : text;
  };
  return table(
    `${title}${isShare ? ', with its 95 % interval' : ''}`,
    [
      ...['Examples of each label', 'In all', 'Started from the names', 'Trained on the examples alone'].map(
        (title, column) => ({ title, numeric: column > 0 }),
      ),
    ],
    curve.map(({ perLabel, examples, blend, plain }) => [
      ...[count(perLabel), count(examples), written(blend), written(plain)],
    ]),
  );
}

/** Of a share of so many examples. */
function intervalOf(value: number, total: number, isShare: boolean): [low: number, high: number] | undefined {
  return isShare && total > 0 ? shareInterval(Math.round(value * total), total) : undefined;
}
