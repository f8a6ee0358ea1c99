import type { ImportProgress } from '../datasets/import/import.ts';
import type { DownloadProgress } from '../encoders/hub/fetch-model.ts';
import type { TrainingProgress } from '../training/progress.ts';
import { printAside, showStatus } from './output.ts';
import { TimeLeft } from './time-left.ts';

/** Of what has no loss to show. */
type PlainProgress =
  | ImportProgress
  | DownloadProgress
  | { stage: 'measuring' | 'scoring'; done: number; total: number };
type Progress = TrainingProgress | (PlainProgress & { loss?: undefined; accuracy?: undefined });

const titles = {
  fetching: 'downloading',
  checking: 'checking',
  storing: 'storing',
  features: 'encoding',
  search: 'cross-validating',
  training: 'training',
  refit: 'training on every row',
  tuning: 'tuning the encoder',
  evaluation: 'evaluating',
  comparison: 'comparing',
  measuring: 'measuring',
  scoring: 'scoring',
  downloading: 'downloading',
} as const;
const units = {
  fetching: 'images',
  checking: 'examples',
  storing: 'images',
  features: 'items',
  search: 'trainings',
  training: 'steps',
  refit: 'steps',
  tuning: 'steps',
  evaluation: 'examples',
  comparison: 'trainings',
  measuring: 'batches',
  scoring: 'rows',
  downloading: 'MB',
} as const;

/** Characters of a bar. */
const barLength = 30;
/** Milliseconds between two drawings of a bar. */
const drawInterval = 100;

/** Where progress is shown: `process.stderr`, or what a test puts in its place. */
export interface Terminal {
  isTTY?: boolean;
  columns?: number;
}

/**
 * Whether a terminal can show a line that changes: one of no width (as some containers and editors have) and a dumb one
 * cannot.
 */
export function showsBars({ isTTY, columns = 0 }: Terminal, { TERM }: NodeJS.ProcessEnv): boolean {
  return isTTY === true && columns > 0 && TERM !== 'dumb';
}

/**
 * Shows progress on stderr: a bar with the time left for each stage on a terminal, a line for each stage elsewhere.
 * @example const show = progressBar(); await fineTune(…, { onProgress: show });
 */
export function progressBar(): (progress: Progress) => void {
  const stages = new Map<Progress['stage'], TimeLeft>();
  const isBar = showsBars(process.stderr, process.env);
  let drawn = 0;
  return ({ stage, done, total, loss, accuracy }) => {
    const title = titles[stage];
    const shown = (count: number) => (stage === 'downloading' ? (count / 1e6).toFixed(1) : String(count));
    const now = performance.now();
    const known = stages.get(stage);
    const timeLeft = known ?? new TimeLeft(now, done);
    stages.set(stage, timeLeft);
    if (!known && !isBar) printAside(`${title} ${shown(total)} ${units[stage]}`);
    const rate = stage === 'scoring' ? timeLeft.rateAt(now, done) : undefined;
    const figures = [
      rate === undefined ? '' : `  ${rate.toPrecision(3)} ${units[stage]}/s`,
      loss === undefined ? '' : `  loss ${loss.toFixed(3)}`,
      accuracy === undefined ? '' : `  accuracy ${(100 * accuracy).toFixed(0)} %`,
    ].join('');
    if (done === total) {
      if (isBar) printAside(`${title} done: ${shown(total)} ${units[stage]}${figures}`);
      else if (figures) printAside(`${title} done:${figures}`);
    } else if (isBar && (!known || now - drawn >= drawInterval)) {
      drawn = now;
      const left = timeLeft.at(now, { done, total });
      showStatus(
        `${title} ${bar(done / total)} ${shown(done)}/${shown(total)}${left ? `  ${left} left` : ''}${figures}`,
      );
    }
  };
}

/** @example bar(0.5) // '[==============>               ]' */
function bar(share: number): string {
  const length = Math.floor(share * barLength);
  return `[${'>'.padStart(Math.max(1, length), '=').padEnd(barLength)}]`;
}
