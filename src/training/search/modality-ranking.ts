import { type Strategy, strategies } from '../../arl/strategy.ts';
import { evaluations } from '../../evaluation/targets.ts';
import { required } from '../../indexing.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import type { Engine } from '../../runtime/engine.ts';
import { targets } from '../../targets/targets.ts';
import { selectTruths } from '../../targets/truth-table.ts';
import type { FeatureTable } from '../features/feature-table.ts';
import type { Recipe } from '../loop/recipe.ts';
import type { TrainingOptions } from '../loop/trainer.ts';
import { crossValidate, splitForValidation } from './cross-validation.ts';

type RankingOptions = Pick<TrainingOptions, 'classes' | 'recipe' | 'seed' | 'signal'> & {
  /** Rows with the same group share a fold. */
  groups?: readonly unknown[];
};

/** Few examples need every fold; many make one held-out tenth enough. */
const foldsFor = (examples: number) =>
  examples <= 10_000 ? { dealt: 3, heldOut: 3 } : { dealt: 10, heldOut: 1 };

/**
 * The recipe, with the modality that reaches most alone where its strategy ranks them: each is trained alone and
 * cross-validated on the training rows, by the target's main figure. A row that lacks the modality gets the prior. Of two
 * that reach the same the first of the table is taken.
 * @param engines the trainings run on all of them side by side; the result does not depend on their number
 * @param rows the training rows; no other is looked at
 * @returns the recipe as it is where nothing is ranked, or too few rows are left to hold any out
 * @throws whatever `trainHead` throws
 * @example const recipe = await rankModalities(engines, table, train, { classes: 8, recipe: asked, seed: 0 });
 */
export async function rankModalities(
  engines: readonly Engine[],
  table: FeatureTable,
  rows: readonly number[],
  options: RankingOptions,
): Promise<Recipe> {
  const { recipe, seed, groups } = options;
  const strategy: Strategy = strategies[recipe.strategy];
  if (!strategy.isRanked || table.columns.length < 2) return recipe;
  const splits = splitForValidation(table, rows, { ...foldsFor(rows.length), seed, groups });
  if (!splits) return recipe;
  const [main] = evaluations[table.truth.target].titles;
  const sign = main.moreIsBetter ? 1 : -1;
  let dominant: { modality: ModalityName; reached: number } | undefined;
  for (const { modality } of table.columns) {
    const answers = await answersAlone(engines, table, modality, splits, options);
    const asked = [...answers.keys()];
    const truth = selectTruths(table.truth, asked);
    const figures = evaluations[truth.target].measure([...answers.values()], [...asked.keys()], truth);
    const reached = sign * required(figures[main.name], main.title);
    if (!dominant || reached > dominant.reached) dominant = { modality, reached };
  }
  return { ...recipe, dominant: dominant?.modality };
}

/** What a head of one modality says of every row that is held out. */
async function answersAlone(
  engines: readonly Engine[],
  table: FeatureTable,
  modality: ModalityName,
  splits: readonly { train: number[]; test: number[] }[],
  { recipe, classes, ...options }: RankingOptions,
): Promise<Map<number, Float64Array>> {
  const columns = table.columns.filter((column) => column.modality === modality);
  const isKnown = (row: number) => columns.every(({ present }) => present[row] === 1);
  const { prior } = targets[table.truth.target];
  const answers = new Map(
    splits.flatMap(({ train, test }) => {
      const unknown = prior(table.truth, train, classes);
      return test.map((row): [number, Float64Array] => [row, unknown]);
    }),
  );
  const known = splits
    .map(({ train, test }) => ({ train: train.filter(isKnown), test: test.filter(isKnown) }))
    .filter(({ train, test }) => train.length > 0 && test.length > 0);
  const alone: Recipe = { ...recipe, strategy: 'joint', fusion: 'concat' };
  const validated = await crossValidate(engines, { ...table, columns }, known, [alone], {
    ...{ ...options, classes },
  });
  const rows = known.flatMap(({ test }) => test);
  for (const [index, { fused }] of (validated[0]?.answers ?? []).entries())
    answers.set(required(rows[index], 'a row that was asked about'), fused);
  return answers;
}
