import { progress } from '@clack/prompts';
import type { ImportProgress } from '../datasets/import/import.ts';
import type { TrainingProgress } from '../training/progress.ts';

/** Of what has no loss to show. */
type PlainProgress = ImportProgress | { stage: 'measuring'; done: number; total: number };
type Progress = TrainingProgress | (PlainProgress & { loss?: undefined; accuracy?: undefined });

const titles = {
  checking: 'checking',
  storing: 'storing',
  features: 'encoding',
  search: 'cross-validating',
  training: 'training',
  evaluation: 'evaluating',
  comparison: 'comparing',
  measuring: 'measuring',
} as const;
const units = {
  checking: 'examples',
  storing: 'images',
  features: 'items',
  search: 'trainings',
  training: 'steps',
  evaluation: 'examples',
  comparison: 'trainings',
  measuring: 'batches',
} as const;

/**
 * Shows a fine-tuning's progress on stderr: a bar for each stage on a terminal, a line for each elsewhere.
 * @example const show = progressBar(); await fineTune(…, { onProgress: show });
 */
export function progressBar(): (progress: Progress) => void {
  const bars = new Map<Progress['stage'], { bar?: ReturnType<typeof progress>; done: number }>();
  return ({ stage, done, total, loss, accuracy }) => {
    let entry = bars.get(stage);
    if (!entry) {
      entry = {
        done: 0,
        bar: process.stderr.isTTY ? progress({ max: total, output: process.stderr }) : undefined,
      };
      bars.set(stage, entry);
      if (entry.bar) entry.bar.start(titles[stage]);
      else process.stderr.write(`${titles[stage]} ${total} ${units[stage]}\n`);
    }
    const figures = [
      loss === undefined ? '' : `  loss ${loss.toFixed(3)}`,
      accuracy === undefined ? '' : `  accuracy ${(100 * accuracy).toFixed(0)} %`,
    ].join('');
    entry.bar?.advance(done - entry.done, `${titles[stage]} ${done}/${total}${figures}`);
    entry.done = done;
    if (done === total) {
      if (entry.bar) entry.bar.stop(`${titles[stage]} done: ${total}${figures}`);
      else if (figures) process.stderr.write(`${titles[stage]} done:${figures}\n`);
    }
  };
}
