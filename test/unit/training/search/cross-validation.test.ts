import { afterAll, expect, it } from 'vitest';
import { Engine } from '../../../../src/runtime/engine.ts';
import { defaultRecipe, type Recipe } from '../../../../src/training/loop/recipe.ts';
import { crossValidate, holdOut } from '../../../../src/training/search/cross-validation.ts';
import { syntheticTable } from '../synthetic.ts';

const engines = [1, 2].map(() => Engine.start({ provider: 'cpu', threads: 1 }));
afterAll(() => Promise.all(engines.map((engine) => engine.close())));

const classes = 3;
const table = syntheticTable({ rows: 60, classes, dimensions: { image: 12, text: 8 } });
const rows = [...table.strata.keys()];
const recipe: Recipe = { ...defaultRecipe, hidden: 8, epochs: 0, minimumSteps: 20 };

it('holds every row out once, whatever the number of engines', async () => {
  const folds = Int32Array.from(rows, (row) => row % 4);
  const answersOn = (count: number) =>
    crossValidate(engines.slice(0, count), table, holdOut(table, rows, folds, 4), [recipe], {
      classes,
      seed: 1,
    });
  const [[alone], [together]] = [await answersOn(1), await answersOn(2)];
  expect(alone.answers).toHaveLength(rows.length);
  expect(together).toEqual(alone);
});

it('does not ask about a label that is in the held-out fold alone', async () => {
  // Label 2 is in fold 0 and nowhere else.
  const folds = Int32Array.from(rows, (row) => (table.strata[row] === 2 ? 0 : 1 + (row % 2)));
  const [held] = await crossValidate(engines, table, holdOut(table, rows, folds, 3), [recipe], {
    classes,
    seed: 1,
  });
  expect(held.answers).toHaveLength(40);
  expect(Array.from(held.truth.values)).not.toContain(2);
  for (const { fused } of held.answers) expect(fused.every(Number.isFinite)).toBe(true);
});

it('holds out no fold that leaves nothing to train on or to ask about', () => {
  const [everyRow, alone] = [rows.slice(0, 6), rows.slice(0, 1)];
  expect(holdOut(table, alone, Int32Array.of(0), 5)).toEqual([]);
  const truth = { ...table.truth, values: Int32Array.from(table.strata.keys()) };
  expect(holdOut({ truth }, everyRow, Int32Array.of(0, 1, 2, 3, 4, 0), 5)).toEqual([]);
});
