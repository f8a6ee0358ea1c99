import { afterAll, describe, expect, it } from 'vitest';
import { initialParameters } from '../../../src/arl/architecture.ts';
import type { StrategyName } from '../../../src/arl/strategy.ts';
import { type Tail, tailInParts } from '../../../src/arl/tail.ts';
import { add, gelu } from '../../../src/graph/operations/elementwise.ts';
import { gemm } from '../../../src/graph/operations/linear.ts';
import { constant } from '../../../src/graph/value.ts';
import { Random } from '../../../src/random.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { single } from '../../../src/targets/single.ts';
import { defaultRecipe, type Recipe } from '../../../src/training/loop/recipe.ts';
import { trainHead } from '../../../src/training/loop/trainer.ts';
import { checkTuningMemory, partsOf, tuningMemory } from '../../../src/training/loop/tuning-batches.ts';
import { syntheticTable } from './synthetic.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

const [rowLength, features, hidden, classes] = [24, 12, 16, 4];
const table = syntheticTable({ rows: 96, classes, dimensions: { image: rowLength, text: 16 } });

/** A layer whose weight may move. */
const random = new Random(3, 'weight');
const pretrained = Float32Array.from({ length: rowLength * features }, () => random.nextNormal() / 5);
const tail: Tail = {
  rowLength,
  learningRate: 5e-5,
  parameterShapes: { weight: [rowLength, features], bias: [features] },
  features: (rows, moved) => {
    const weight = add(constant(pretrained, [rowLength, features]), moved('weight'));
    return add(gelu(gemm(rows, weight)), moved('bias'));
  },
};

function options(parts: number, changes: Partial<Recipe>) {
  const recipe: Recipe = { ...defaultRecipe, hidden, batchSize: 24, minimumSteps: 25, epochs: 1, ...changes };
  const tails = [tailInParts(tail, parts), undefined];
  const dimensions = [features, 16];
  const { adapter, fusion } = recipe;
  const numbers = new Random(4, 'start');
  const all = initialParameters(
    { ...{ dimensions, hidden, classes, adapter, fusion, tails }, target: single.loss },
    () => numbers.nextFloat(),
  );
  const start = Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith('tail.')));
  return { classes, seed: 5, recipe, tuning: { tails, dimensions, start, tailRates: [1 / 6, 1] } };
}

describe('a tuning whose batches are computed in parts', () => {
  const sgd: Recipe['optimizer'] = { name: 'sgd', momentum: 0.9, weightDecay: 1e-4 };
  it.each<[StrategyName, Partial<Recipe>]>([
    ['arl', {}],
    ['arl', { optimizer: sgd, learningRate: 0.01 }],
    ['ogm-ge', {}],
    ['joint', { variance: 'entropy', classWeights: 'balanced' }],
  ])('learns the same as on whole batches, by %s with %o', async (strategy, changes) => {
    const [whole, inParts] = await Promise.all(
      [1, 4].map((parts) => trainHead(engine, table, options(parts, { strategy, ...changes }))),
    );
    for (const [step, loss] of whole.history.loss.entries())
      expect(Math.abs(inParts.history.loss[step] - loss)).toBeLessThan(1e-6);
    expect(inParts.history.statistics.at(-1)).toHaveLength(4);
    for (const [name, values] of Object.entries(whole.parameters))
      for (const [index, value] of values.entries())
        expect(Math.abs(inParts.parameters[name][index] - value), name).toBeLessThan(2e-6);
    // The layer has learnt something.
    expect(Math.max(...whole.parameters['tail.0.weight'].map(Math.abs))).toBeGreaterThan(1e-4);
  });
});

it('takes the next number of parts that divides a batch', () => {
  expect([1, 3, 4, 5, 30, 99].map((count) => partsOf(30, count))).toEqual([1, 3, 5, 5, 30, 30]);
  expect(partsOf(32)).toBe(1);
});

it('needs less memory in parts, and more for larger batches', () => {
  const memory = (parts: number, batchSize: number) => tuningMemory(table, options(parts, { batchSize }));
  expect(memory(8, 96)).toBeLessThanOrEqual(memory(1, 96));
  expect(memory(1, 96)).toBeGreaterThanOrEqual(memory(1, 8));
});

describe('the memory that a tuning takes', () => {
  const memoryWith = ({ accumulate = 1 }) => 100 + 1200 / accumulate;

  it('is stated before it begins', () => {
    expect(checkTuningMemory(memoryWith, { batchSize: 32 }, { memory: 2000 })).toBe(
      'Tuning takes up to 1300 MiB of memory (batches of 32).',
    );
    expect(checkTuningMemory(memoryWith, { batchSize: 32 }, { memory: 2000, accumulate: 3 })).toBe(
      'Tuning takes up to 500 MiB of memory (batches of 32 in 4 parts).',
    );
  });

  it('is an error where there is less, with the parts that would do', () => {
    const check = (memory: number) => () => checkTuningMemory(memoryWith, { batchSize: 32 }, { memory });
    expect(check(500)).toThrow('batches of 32 take up to 1300 MiB of memory, and there are 500');
    expect(check(500)).toThrow(
      expect.objectContaining({ code: 'invalid-recipe', fix: expect.stringContaining('--accumulate 4') }),
    );
    expect(check(50)).toThrow(
      expect.objectContaining({
        fix: expect.stringMatching(/^Tune fewer blocks.*--batch-size.*--memory 1300/),
      }),
    );
  });
});
