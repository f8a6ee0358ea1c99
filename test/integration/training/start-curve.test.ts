import { afterAll, expect, it } from 'vitest';
import { itemAt } from '../../../src/indexing.ts';
import { Random } from '../../../src/random.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { type FeatureTable, memoryColumn } from '../../../src/training/features/feature-table.ts';
import { recipeFor } from '../../../src/training/loop/recipe.ts';
import { calibrateStart } from '../../../src/training/search/recipe-search.ts';
import { startCurve } from '../../../src/training/start-curve.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

const [classes, dimension, trained, tested] = [6, 48, 30, 50];

/**
 * Images and names of labels in one space, as a pair of encoders has them: names lie apart from the images of their label by
 * noise, all images together by a gap.
 */
function pairOf(seed: number, noiseOfNames: number) {
  const random = new Random(seed, 'pair');
  const normal = () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.nextFloat()));
    return radius * Math.cos(2 * Math.PI * random.nextFloat());
  };
  const row = (size: number) => Array.from({ length: dimension }, () => size * normal());
  const centres = Array.from({ length: classes }, () => row(1));
  const gap = row(2);
  const names = centres.flatMap((centre) => {
    const name = centre.map((value) => value + noiseOfNames * normal());
    return name.map((value) => value / Math.hypot(...name));
  });
  const strata = Int32Array.from({ length: classes * (trained + tested) }, (_, index) => index % classes);
  const values = Float32Array.from(
    [...strata].flatMap((label) =>
      itemAt(centres, label).map((value, k) => value + itemAt(gap, k) + 2.4 * normal()),
    ),
  );
  const present = new Uint8Array(strata.length).fill(1);
  const table: FeatureTable = {
    columns: [memoryColumn({ modality: 'image', dimension, present, values })],
    strata,
    truth: { target: 'single', columns: 1, values: strata },
  };
  const all = [...strata.keys()];
  const split = { train: all.slice(0, classes * trained), test: all.slice(classes * trained) };
  const prototypes = { image: { rows: Float32Array.from(names), dimension, scale: 30, bias: 0 } };
  return { table, split, start: { head: 'animals@1', prototypes } };
}

it.each([
  ['good', 0.5],
  ['fair', 1],
  ['bad', 2],
])(
  'never falls below the names of labels, and beats examples alone where they are few (%s names)',
  async (_, noise) => {
    const { table, split, start } = pairOf(3, noise);
    const recipe = { ...recipeFor(split.train.length, 'single'), lexical: 'off' as const };
    const fit = { classes, recipe, seed: 0, start };
    const calibrations = await calibrateStart(engine, table, split.train, fit);
    const curve = await startCurve(engine, table, split, { ...fit, calibrations });
    expect(curve.map(({ perLabel }) => perLabel)).toEqual([0, 1, 4, 16, 30]);
    // Two standard errors of the difference between two shares of 300.
    const chance = 0.06;
    for (const [index, { blend }] of curve.entries())
      for (const earlier of curve.slice(0, index)) expect(blend).toBeGreaterThan(earlier.blend - chance);
    for (const { blend, plain = 0 } of curve) expect(blend).toBeGreaterThan(plain - chance);
    const [none, one] = [itemAt(curve, 0), itemAt(curve, 1)];
    expect(one.blend - (one.plain ?? 1)).toBeGreaterThan(0.5 * (none.blend - (one.plain ?? 1)));
    expect(itemAt(curve, -1).blend).toBeGreaterThan(none.blend);
  },
);
