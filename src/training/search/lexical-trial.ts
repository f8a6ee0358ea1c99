import type { HeadCalibration } from '../../arl/serving.ts';
import type { SplitRows } from '../../datasets/split/split-rows.ts';
import type { Engine } from '../../runtime/engine.ts';
import { selectTruths } from '../../targets/truth-table.ts';
import type { FeatureTable } from '../features/feature-table.ts';
import { type Recipe, takesCompanions } from '../loop/recipe.ts';
import { calibrate, type HeldOutAnswers } from './calibration.ts';
import { type CrossValidationOptions, crossValidate } from './cross-validation.ts';

/** Share of the folds that are held out first: where they show nothing, the others are not trained. */
const firstShare = 1 / 3;
/** What the calibrated loss must come down to: less may be chance, and answers take longer. */
const leastGain = 0.95;

/** Whether it is left to the search whether characters of texts are read, and there are any. */
export function isLexicalTried(recipe: Recipe, { columns }: FeatureTable): boolean {
  return recipe.lexical === 'auto' && takesCompanions(recipe) && columns.some(({ companion }) => companion);
}

/**
 * Cross-validates a recipe again with features of the characters of texts beside the encoder's. They are fitted in each fold to
 * the rows that are trained on.
 * @param plain the recipe without them, and its answers
 * @returns undefined where the first folds show no gain
 * @throws whatever `trainHead` throws
 */
export async function tryLexical(
  engines: readonly Engine[],
  table: FeatureTable,
  splits: readonly SplitRows[],
  plain: { recipe: Recipe; answers: HeldOutAnswers },
  options: CrossValidationOptions & { blend?: HeadCalibration },
): Promise<HeldOutAnswers | undefined> {
  const recipes = [{ ...plain.recipe, lexical: 'on' as const }];
  const few = Math.ceil(splits.length * firstShare);
  const [first] = await crossValidate(engines, table, splits.slice(0, few), recipes, options);
  if (!first || few === splits.length) return first;
  const modalities = table.columns.map(({ modality }) => modality);
  const rows = [...first.answers.keys()];
  const before = calibrate(
    { answers: plain.answers.answers.slice(0, rows.length), truth: selectTruths(plain.answers.truth, rows) },
    modalities,
    options.blend,
  );
  // As they are, the answers of a recipe that trains long are too sure with and without.
  if (calibrate(first, modalities, options.blend).after >= before.after) return undefined;
  const others = splits.slice(few);
  const [rest] = await crossValidate(engines, table, others, recipes, { ...options, firstFold: few });
  if (!rest) return undefined;
  return { answers: [...first.answers, ...rest.answers], truth: plain.answers.truth };
}

/** Whether a calibrated loss with the characters of texts is enough below that without. */
export function paysOff(loss: number, plain: number): boolean {
  return loss < leastGain * plain;
}
