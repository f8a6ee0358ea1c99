import { afterAll, expect, it } from 'vitest';
import type { ModalityName } from '../../../../src/modalities/registry.ts';
import { Engine } from '../../../../src/runtime/engine.ts';
import type { FeatureTable, MemoryColumn } from '../../../../src/training/features/feature-table.ts';
import { defaultRecipe, type Recipe } from '../../../../src/training/loop/recipe.ts';
import { rankModalities } from '../../../../src/training/search/modality-ranking.ts';
import { syntheticTable } from '../synthetic.ts';

const engines = [1, 2].map(() => Engine.start({ provider: 'cpu', threads: 1 }));
afterAll(() => Promise.all(engines.map((engine) => engine.close())));

const classes = 3;
const recipe: Recipe = {
  ...defaultRecipe,
  ...{ strategy: 'pdmp', hidden: 8, epochs: 0, minimumSteps: 80, learningRate: 5e-3 },
};
const options = { classes, recipe, seed: 1 };

/** One column of 120 rows; those of every table have the same labels. */
function column(modality: ModalityName, strength: number, missing = 0) {
  const made = syntheticTable({
    ...{ rows: 120, classes, strength, seed: modality === 'image' ? 1 : 2 },
    dimensions: { [modality]: 10 },
    missing: { [modality]: missing },
  });
  return made.columns;
}

function tableOf(...columns: MemoryColumn[]): FeatureTable<MemoryColumn> {
  return { ...syntheticTable({ rows: 120, classes, dimensions: { image: 10 } }), columns };
}

const rowsOf = ({ strata }: FeatureTable) => [...strata.keys()];

it.each([
  ['image', 2.5, 0.3],
  ['text', 0.3, 2.5],
] as const)('finds that %s reaches most alone, whatever the number of engines', async (best, image, text) => {
  const table = tableOf(...column('image', image), ...column('text', text));
  const rank = (count: number) => rankModalities(engines.slice(0, count), table, rowsOf(table), options);
  const found = await rank(1);
  expect(found).toEqual({ ...recipe, dominant: best });
  expect(await rank(2)).toEqual(found);
});

it('looks at the rows that it is given alone', async () => {
  const [clear, vague] = [column('image', 2.5), column('image', 0.1)];
  const table = tableOf(...clear, ...column('text', 0.6));
  // Beyond the first 60 rows the image says nothing.
  const [image] = table.columns;
  const [noise] = vague;
  if (!image || !noise) throw new Error('a column is missing');
  image.values.set(noise.values.subarray(600), 600);
  const rows = rowsOf(table);
  expect(await rankModalities(engines, table, rows.slice(0, 60), options)).toMatchObject({
    dominant: 'image',
  });
  expect(await rankModalities(engines, table, rows.slice(60), options)).toMatchObject({ dominant: 'text' });
});

it('counts what a modality does not reach where it is missing', async () => {
  const table = tableOf(...column('image', 2.5, 0.85), ...column('text', 1));
  expect(await rankModalities(engines, table, rowsOf(table), options)).toMatchObject({ dominant: 'text' });
});

it('ranks nothing where the strategy asks for none, or where there is one modality or too few rows', async () => {
  const table = tableOf(...column('image', 2.5), ...column('text', 0.3));
  const arl: Recipe = { ...recipe, strategy: 'arl' };
  expect(await rankModalities(engines, table, rowsOf(table), { ...options, recipe: arl })).toEqual(arl);
  const alone = tableOf(...column('image', 2.5));
  expect(await rankModalities(engines, alone, rowsOf(alone), options)).toEqual(recipe);
  expect(await rankModalities(engines, table, [0, 1, 2, 3], options)).toEqual(recipe);
});
