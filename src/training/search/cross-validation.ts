import type { SplitRows } from '../../datasets/split/split-rows.ts';
import type { ItemProbabilities } from '../../heads/head.ts';
import { itemAt } from '../../indexing.ts';
import type { Engine } from '../../runtime/engine.ts';
import { targets } from '../../targets/targets.ts';
import { selectTruths } from '../../targets/truth-table.ts';
import type { FeatureTable } from '../features/feature-table.ts';
import type { CheckpointFolder } from '../loop/checkpoints.ts';
import { fitHead } from '../loop/fit.ts';
import type { Recipe } from '../loop/recipe.ts';
import { onEngines } from '../loop/side-by-side.ts';
import { answersOfStart, besideStart, type Start } from '../zero-shot/start.ts';
import type { HeldOutAnswers } from './calibration.ts';
import { dealFolds } from './folds.ts';

export interface CrossValidationOptions {
  classes: number;
  seed: number;
  signal?: AbortSignal;
  checkpoints?: CheckpointFolder;
  /** What the first recipe is called among all that are tried; 0 by default. */
  firstCandidate?: number;
  /** What the first split is called among all; 0 by default. */
  firstFold?: number;
  /** What the training starts from. */
  start?: Start;
  /** Called after each training. */
  onTrained?(): void;
}

/** What fewer held-out examples say of a recipe is chance. */
const fewestHeldOut = 10;

/**
 * Holds out the first folds, one after the other. Examples of a label that is in one fold alone are not asked about:
 * nothing could have taught it. A fold that would leave nothing to train on or nothing to ask about is not held out.
 * @param rows the rows to divide
 * @param folds the fold of each of them
 * @param heldOut folds to hold out; with fewer than there are, some rows are never held out
 * @example const splits = holdOut(table, rows, dealFolds(strata, { count: 5, seed: 0 }), 5);
 */
export function holdOut(
  { truth }: Pick<FeatureTable, 'truth'>,
  rows: readonly number[],
  folds: Int32Array,
  heldOut: number,
): SplitRows[] {
  return Array.from({ length: heldOut }, (_, fold) => {
    const train = rows.filter((_, index) => folds[index] !== fold);
    const isTaught = targets[truth.target].isTaught(truth, train);
    const test = rows.filter((row, index) => folds[index] === fold && isTaught(row));
    return { train, test };
  }).filter(({ train, test }) => train.length > 0 && test.length > 0);
}

/**
 * Divides training rows into splits, each of which holds out another fold.
 * @returns undefined where there are too few examples to hold any out
 * @example const splits = splitForValidation(table, train, { dealt: 5, heldOut: 5, seed: 0 });
 */
export function splitForValidation(
  table: FeatureTable,
  rows: readonly number[],
  options: { dealt: number; heldOut: number; seed: number; groups?: readonly unknown[] },
): SplitRows[] | undefined {
  const { dealt, heldOut, seed, groups } = options;
  const folds = dealFolds(
    rows.map((row) => itemAt(table.strata, row)),
    { count: dealt, seed, groups: groups && rows.map((row) => groups[row]) },
  );
  const splits = holdOut(table, rows, folds, heldOut);
  const asked = splits.reduce((sum, { test }) => sum + test.length, 0);
  return asked < fewestHeldOut ? undefined : splits;
}

/**
 * Trains each recipe on the training side of every split and asks it about the other.
 * @param engines trainings run on all of them side by side; the answers do not depend on their number
 * @returns the answers of each recipe
 */
export async function crossValidate(
  engines: readonly Engine[],
  table: FeatureTable,
  splits: readonly SplitRows[],
  recipes: readonly Recipe[],
  {
    classes,
    seed,
    signal,
    checkpoints,
    firstCandidate = 0,
    firstFold = 0,
    start,
    onTrained,
  }: CrossValidationOptions,
): Promise<HeldOutAnswers[]> {
  const tasks = recipes.flatMap((recipe, candidate) =>
    splits.map((split, fold) => ({
      recipe,
      split,
      stage: `search-${firstCandidate + candidate}-${firstFold + fold}`,
    })),
  );
  const answers = await onEngines(engines, tasks, async (engine, { recipe, split, stage }) => {
    const checkpoint = checkpoints?.stage(stage);
    const fitted = await fitHead(engine, table, split, { classes, recipe, seed, signal, checkpoint });
    onTrained?.();
    return fitted.answers;
  });
  const asked = splits.flatMap(({ test }) => test);
  const truth = selectTruths(table.truth, asked);
  const started = start && (await answersOfStart(itemAt(engines, 0), start, table, asked, signal));
  return recipes.map((_, index) => {
    const own = answers
      .slice(index * splits.length, (index + 1) * splits.length)
      .flat() as ItemProbabilities[];
    return {
      answers: started ? besideStart(own, started) : own,
      truth,
    };
  });
}
