import { type ModalityName, modalityNames } from '../modalities/registry.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { targets } from '../targets/targets.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { chooseRecipe, type Recipe } from './loop/recipe.ts';

/** Who is compared: every way to train a head, on equal terms. */
export const contenders = [
  'arl',
  'arl-dropout',
  'uniform',
  'joint',
  'ogm-ge',
  'pdmp',
  'late',
  ...modalityNames,
] as const;
export type Contender = (typeof contenders)[number];

/** The one modality that a contender learns from; undefined where it joins several. */
const aloneOf = (contender: Contender) => modalityNames.find((name) => name === contender);

/** Balancing modalities takes two of them; where numbers are learnt, arl itself looks at the variance under dropout. */
export function isPossible(
  contender: Contender,
  known: readonly ModalityName[],
  target: TargetKind,
): boolean {
  const alone = aloneOf(contender);
  if (alone) return known.includes(alone);
  if (contender === 'arl-dropout' && targets[target].variance === 'dropout') return false;
  return known.length > 1;
}

/** What a contender sees of the table, and what of the recipe it changes. */
export function prepare(
  contender: Contender,
  table: FeatureTable,
  recipe: Recipe,
): { table: FeatureTable; recipe: Recipe } {
  if (contender === 'arl-dropout')
    return { table, recipe: { ...recipe, strategy: 'arl', variance: 'dropout' } };
  const alone = aloneOf(contender);
  const columns = alone ? table.columns.filter(({ modality }) => modality === alone) : table.columns;
  return {
    table: { ...table, columns },
    recipe: { ...recipe, ...chooseRecipe({ strategy: contender }) },
  };
}
