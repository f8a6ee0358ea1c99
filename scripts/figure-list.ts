import { createHash } from 'node:crypto';

/** The report that the figures in docs/ show, relative to the repository. */
export const figureSource = 'models/heads/emoji/1/report.html';

export interface Figure {
  /** Where it is kept, relative to the repository. */
  file: string;
  scheme: 'light' | 'dark';
  /** Of the browser's window, in CSS pixels. */
  width: number;
  /** CSS selectors of the first and the last element that it shows. */
  from: string;
  to: string;
}

const views = [
  { name: 'report', width: 940, from: 'h1', to: '#good > p' },
  { name: 'confusion', width: 560, from: '#confusion h2', to: '#confusion .matrix' },
];

/** Each view of the report, light and dark. */
export const figures: readonly Figure[] = views.flatMap(({ name, ...view }) => [
  { file: `docs/${name}.png`, scheme: 'light', ...view },
  { file: `docs/${name}-dark.png`, scheme: 'dark', ...view },
]);

/** What a figure's metadata say of the file that it shows: another file, another line. */
export function describeSource(source: Buffer): string {
  return `${figureSource} sha256 ${createHash('sha256').update(source).digest('hex')}`;
}
