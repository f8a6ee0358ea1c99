import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** What a figure shows: the report of the ready head, or the page at / as it is built. */
export type FigureSubject = 'report' | 'studio';

/** A file or folder of the repository that a subject is made of. */
export const figureSources: Readonly<Record<FigureSubject, string>> = {
  report: 'models/heads/emoji/1/report.html',
  studio: 'src/protocols/studio/static',
};

export interface Figure {
  /** Where it is kept, relative to the repository. */
  file: string;
  subject: FigureSubject;
  scheme: 'light' | 'dark';
  /** Of the browser's window, in CSS pixels. */
  width: number;
  /** Pixels of the figure for one of CSS; 2 by default. */
  pixelRatio?: number;
  /** CSS selectors of the first and the last element that it shows. */
  from: string;
  to: string;
}

const views: readonly (Omit<Figure, 'file' | 'scheme'> & { name: string })[] = [
  { name: 'report', subject: 'report', width: 940, from: 'h1', to: '#good > p' },
  { name: 'confusion', subject: 'report', width: 560, from: '#confusion h2', to: '#confusion .matrix' },
  {
    ...{ name: 'studio', subject: 'studio', width: 1100 },
    ...{ from: 'header', to: 'text=/ms in all/', pixelRatio: 1.25 },
  },
];

/** Each view, light and dark. */
export const figures: readonly Figure[] = views.flatMap(({ name, ...view }) => [
  { file: `docs/${name}.png`, scheme: 'light', ...view },
  { file: `docs/${name}-dark.png`, scheme: 'dark', ...view },
]);

/**
 * What a figure's metadata say of what it shows: other files, another line.
 * @param root of the repository
 */
export async function describeSource(root: string, subject: FigureSubject): Promise<string> {
  const source = figureSources[subject];
  const digest = createHash('sha256');
  for (const file of await filesOf(path.join(root, source))) digest.update(await readFile(file));
  return `${source} sha256 ${digest.digest('hex')}`;
}

/** The file itself, or all in the folder, in the order of their names. */
async function filesOf(place: string): Promise<string[]> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!entries) return [place];
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}
