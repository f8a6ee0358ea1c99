import { expect, it } from 'vitest';
import { checkRecipe, chooseRecipe, defaultRecipe, recipeFor } from '../../../../src/training/loop/recipe.ts';

const both = { known: ['image', 'text'], target: 'single' } as const;
const one = { known: ['text'], target: 'single' } as const;
const numbers = { known: ['image', 'text'], target: 'regression' } as const;

it('late fusion takes its own predictors, and a bilinear fusion short adapters', () => {
  expect(chooseRecipe({ strategy: 'late' })).toMatchObject({ fusion: 'late' });
  expect(chooseRecipe({ fusion: 'bilinear' }).hidden).toBeLessThan(defaultRecipe.hidden);
  const unsaid = { variance: undefined, classWeights: undefined, fusion: undefined, strategy: undefined };
  for (const choices of [{}, unsaid])
    expect({ ...recipeFor(100, 'single'), ...chooseRecipe(choices) }).toEqual(defaultRecipe);
});

it('one modality alone joins and balances nothing', () => {
  expect(chooseRecipe({ strategy: 'image' })).toEqual({
    strategy: 'joint',
    modality: 'image',
    fusion: 'concat',
  });
});

it.each([
  [{ strategy: 'late', fusion: 'gated' }, /fusion: .*late.*leave/],
  [{ strategy: 'text', fusion: 'sum' }, /fusion: .*text joins nothing.*leave/],
  [{ strategy: 'joint', variance: 'dropout' }, /variance: .*joint.*leave/],
  [{ strategy: 'image', variance: 'entropy' }, /variance: .*image.*leave/],
] as const)('refuses choices that would change nothing: %j', (choices, message) => {
  expect(() => chooseRecipe(choices)).toThrow(message);
});

it.each(['gated', 'bilinear'] as const)(
  'refuses %s fusion of a single modality, and says what to take',
  (fusion) => {
    const recipe = chooseRecipe({ fusion });
    expect(() => checkRecipe(recipe, both)).not.toThrow();
    expect(() => checkRecipe(recipe, one)).toThrow(/joins 2 modalities.* have 1.*concat/);
  },
);

it('refuses class weights and entropies where numbers are learnt', () => {
  const weighted = chooseRecipe({ classWeights: 'balanced' });
  expect(() => checkRecipe(weighted, both)).not.toThrow();
  expect(() => checkRecipe(weighted, numbers)).toThrow(/class weights/);
  expect(() => checkRecipe(chooseRecipe({ variance: 'entropy' }), numbers)).toThrow(/no entropy/);
  expect(() => checkRecipe({}, numbers)).not.toThrow();
  expect(recipeFor(100, 'regression').variance).toBe('dropout');
});

it('refuses to learn from a modality that no example has', () => {
  expect(() => checkRecipe(chooseRecipe({ strategy: 'image' }), one)).toThrow(/no example has image/);
});
