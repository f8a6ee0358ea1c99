import { expect, it } from 'vitest';
import { checkRecipe, chooseRecipe, defaultRecipe, recipeFor } from '../../src/training/recipe.ts';
import { syntheticTable } from './synthetic.ts';

const both = syntheticTable({ rows: 8, classes: 2, dimensions: { image: 4, text: 4 } });
const one = syntheticTable({ rows: 8, classes: 2, dimensions: { text: 4 } });

it('late fusion takes its own predictors, and a bilinear fusion short adapters', () => {
  expect(chooseRecipe({ strategy: 'late', fusion: 'gated' })).toMatchObject({ fusion: 'late' });
  expect(chooseRecipe({ fusion: 'bilinear' }).hidden).toBeLessThan(defaultRecipe.hidden);
  expect({ ...recipeFor(100), ...chooseRecipe({}) }).toEqual(defaultRecipe);
});

it.each(['gated', 'bilinear'] as const)(
  'refuses %s fusion of a single modality, and says what to take',
  (fusion) => {
    const recipe = { ...defaultRecipe, ...chooseRecipe({ fusion }) };
    expect(() => checkRecipe(recipe, both)).not.toThrow();
    expect(() => checkRecipe(recipe, one)).toThrow(/joins 2 modalities.* have 1.*concat/);
  },
);

it('refuses class weights where numbers are learnt', () => {
  const numbers = { kind: 'regression' as const, columns: 1, values: new Float32Array(8) };
  const recipe = { ...defaultRecipe, ...chooseRecipe({ classWeights: 'balanced' }) };
  expect(() => checkRecipe(recipe, both)).not.toThrow();
  expect(() => checkRecipe(recipe, { ...both, targets: numbers })).toThrow(/class weights/);
});
