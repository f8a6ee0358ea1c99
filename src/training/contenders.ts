import type { ModalityName } from '../modalities/registry.ts';
import type { TargetKind } from '../targets/target.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { chooseRecipe, type Recipe } from './loop/recipe.ts';

/** Who is compared: every way to train a head, on equal terms. */
export const contenders = [
  'arl',
  'arl-dropout',
  'uniform',
  'joint',
  'ogm-ge',
  'late',
  'image',
  'text',
] as const;
export type Contender = (typeof contenders)[number];

/** Balancing modalities takes two of them; where numbers are learnt, arl itself looks at the variance under dropout. */
export function isPossible(
  contender: Contender,
  known: readonly ModalityName[],
  target: TargetKind,
): boolean {
  if (contender === 'image' || contender === 'text') return known.includes(contender);
  if (contender === 'arl-dropout' && target === 'regression') return false;
  return known.length > 1;
}

/** What a contender sees of the table, and what of the recipe it changes. */
export function prepare(
  contender: Contender,
  table: FeatureTable,
  recipe: Recipe,
): { table: FeatureTable; recipe: Recipe } {
  switch (contender) {
    case 'image':
    case 'text': {
      const columns = table.columns.filter(({ modality }) => modality === contender);
      return {
        table: { ...table, columns },
        recipe: { ...recipe, ...chooseRecipe({ strategy: contender }) },
      };
    }
    case 'arl-dropout':
      return { table, recipe: { ...recipe, strategy: 'arl', variance: 'dropout' } };
    default:
      return { table, recipe: { ...recipe, ...chooseRecipe({ strategy: contender }) } };
  }
}
