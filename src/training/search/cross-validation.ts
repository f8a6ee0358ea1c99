import pMap from 'p-map';
import type { ItemProbabilities } from '../../inference/head.ts';
import type { Engine } from '../../runtime/engine.ts';
import { type FeatureTable, selectRows } from '../features/feature-table.ts';
import { fitHead } from '../fit.ts';
import type { Recipe } from '../recipe.ts';
import type { CheckpointFolder } from '../steps/checkpoints.ts';
import type { HeldOutAnswers } from './calibration.ts';

export interface CrossValidationOptions {
  classes: number;
  seed: number;
  /** The fold of each of the rows. */
  folds: Int32Array;
  /** Folds that are held out, one after the other; with fewer than there are, some rows are never held out. */
  heldOut: number;
  signal?: AbortSignal;
  checkpoints?: CheckpointFolder;
  /** Called after each training. */
  onTrained?(): void;
}

/**
 * Trains each recipe on all folds but one and asks it about that one, for every fold that is held out. Examples of a
 * label that is in one fold alone are not asked about: nothing could have taught it.
 * @param engines trainings run on all of them side by side; the answers do not depend on their number
 * @param rows the rows to divide
 * @returns the answers of each recipe
 */
export async function crossValidate(
  engines: readonly Engine[],
  table: FeatureTable,
  rows: readonly number[],
  recipes: readonly Recipe[],
  { classes, seed, folds, heldOut, signal, checkpoints, onTrained }: CrossValidationOptions,
): Promise<HeldOutAnswers[]> {
  const splits = Array.from({ length: heldOut }, (_, fold) => {
    const train = rows.filter((_, index) => folds[index] !== fold);
    const taught = new Set(train.map((row) => table.labels[row]));
    const isTaught = (row: number) => table.targets !== undefined || taught.has(table.labels[row]);
    const test = rows.filter((row, index) => folds[index] === fold && isTaught(row));
    return { train, test };
  });
  const idle = [...engines];
  const tasks = recipes.flatMap((recipe, candidate) =>
    splits.map((split, fold) => ({ recipe, split, stage: `search-${candidate}-${fold}` })),
  );
  const answer = async ({ recipe, split, stage }: (typeof tasks)[number]) => {
    const engine = idle.pop()!;
    const fitted = await fitHead(engine, table, split, {
      classes,
      recipe,
      seed,
      signal,
      checkpoint: checkpoints?.stage(stage),
    });
    idle.push(engine);
    onTrained?.();
    return fitted.answers;
  };
  const answers = await pMap(tasks, answer, { concurrency: engines.length });
  const { labels, targets } = selectRows(
    { ...table, columns: [] },
    splits.flatMap(({ test }) => test),
  );
  return recipes.map((_, index) => ({
    answers: answers.slice(index * heldOut, (index + 1) * heldOut).flat() as ItemProbabilities[],
    labels,
    targets,
  }));
}
