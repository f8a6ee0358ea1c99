import { afterAll, expect, it } from 'vitest';
import type { HeadArchitecture } from '../../../src/arl/architecture.ts';
import { initialParameters } from '../../../src/arl/architecture.ts';
import { withNoise } from '../../../src/arl/gradient-noise.ts';
import { ParameterLayout } from '../../../src/arl/packing.ts';
import { ogmCoefficients } from '../../../src/arl/strategy.ts';
import { sharedInputs, stepInputs, trainingStep } from '../../../src/arl/training-step.ts';
import { emitFunction, emitLoop, loopInputName, loopOutputName } from '../../../src/graph/emit.ts';
import { type OptimizerSettings, optimizerScalars } from '../../../src/graph/optimizer.ts';
import { input } from '../../../src/graph/value.ts';
import { Random } from '../../../src/random.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf, int32, type Tensors } from '../../../src/runtime/tensor.ts';
import { single } from '../../../src/targets/single.ts';
import { expectClose } from './golden.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

const random = new Random(3, 'update scale');
const floats = (count: number) => Float32Array.from({ length: count }, () => random.nextFloat() - 0.5);

/** What one AdamW step adds to each parameter beyond its weight decay, and what it reports. */
async function updateOf(residual: number) {
  const architecture: HeadArchitecture = {
    dimensions: [6, 4],
    hidden: 5,
    classes: 3,
    adapter: 'mlp',
    fusion: 'concat',
    target: single.loss,
  };
  const optimizer: OptimizerSettings = {
    name: 'adamw',
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.1,
  };
  const batchSize = 8;
  const layout = new ParameterLayout(architecture);
  const step = trainingStep(architecture, {
    ...{ strategy: 'arl', temperature: 4, optimizer, batchSize, clipNorm: 1, dropoutMasks: 0 },
    residualOn: 'update',
    partial: false,
  });
  const session = await engine.load(emitLoop(step));
  const data = new Random(1, 'data');
  const drawn = (count: number) => Float32Array.from({ length: count }, () => data.nextFloat() - 0.5);
  const initial = initialParameters(architecture, () => data.nextFloat());
  const packed = layout.pack(initial);
  const feeds: Tensors = {
    ...Object.fromEntries(
      architecture.dimensions.map((D, m) => [
        sharedInputs.features(m),
        float32([batchSize, D], drawn(batchSize * D)),
      ]),
    ),
    [sharedInputs.truth]: int32([batchSize], [0, 1, 2, 0, 1, 2, 0, 1]),
    [loopInputName(stepInputs.rows)]: int32([1, batchSize], [0, 1, 2, 3, 4, 5, 6, 7]),
    [loopInputName(stepInputs.gamma)]: float32([1], [2]),
    [loopInputName(stepInputs.residual)]: float32([1], [residual]),
  };
  const rate = 0.01;
  for (const [name, value] of Object.entries(optimizerScalars(optimizer, 0, () => rate)))
    feeds[loopInputName(name)] = float32([1], [value]);
  for (const { current } of step.state) {
    const zeros = new Float32Array(current.shape.reduce((a, b) => a * b, 1));
    feeds[loopInputName(current.name)] = float32(current.shape, packed[current.name] ?? zeros);
  }
  const results = await session.run(feeds);
  const after = layout.unpack((name) => floatsOf(results, loopOutputName(name)) as Float32Array);
  const keep = 1 - rate * optimizer.weightDecay;
  const updates = Object.entries(after).map(
    ([name, values]) =>
      [name, Array.from(values, (value, index) => value - keep * initial[name][index])] as const,
  );
  return { updates: Object.fromEntries(updates), statistics: Array.from(floatsOf(results, 'statistics')) };
}

it('with AdamW, the residual scales what each adapter is moved by 1 + k, and nothing else', async () => {
  const [without, balanced] = [await updateOf(0), await updateOf(1)];
  const k = balanced.statistics.slice(6, 8);
  expect(k[0] + k[1]).toBeCloseTo(1);
  expect(Math.abs(k[0] - k[1])).toBeGreaterThan(0.01);
  for (const [name, update] of Object.entries(without.updates)) {
    const modality = /^adapter\.(\d)\./.exec(name)?.[1];
    const factor = modality === undefined ? 1 : 1 + k[Number(modality)];
    expect(Math.max(...update.map(Math.abs))).toBeGreaterThan(1e-3);
    expectClose(
      balanced.updates[name],
      update.map((value) => factor * value),
      1e-3,
      name,
    );
  }
});

it('OGM-GE’s noise has the deviation of the gradient that it is put on, and is none where all of it is alike', async () => {
  const [gradient, bank] = [input('gradient', [4, 5]), input('bank', [7, 5])];
  const offset = input('offset', [], 'int32');
  const session = await engine.load(
    emitFunction([gradient, bank, offset], { noisy: withNoise(gradient, bank, offset) }),
  );
  const [values, normal] = [floats(20), floats(35)];
  const noisy = async (given: Float32Array) => {
    const feeds = {
      gradient: float32([4, 5], given.slice()),
      bank: float32([7, 5], normal.slice()),
      offset: int32([], [5]),
    };
    return floatsOf(await session.run(feeds), 'noisy');
  };
  const mean = values.reduce((sum, value) => sum + value, 0) / 20;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 20);
  // From row 5 on, and round the end of the bank.
  const rows = [5, 6, 0, 1];
  expectClose(
    await noisy(values),
    Array.from(values, (value, at) => value + deviation * normal[5 * rows[Math.floor(at / 5)] + (at % 5)]),
    1e-4,
    'noisy gradient',
  );
  const alike = new Float32Array(20).fill(0.1234567);
  const unmoved = await noisy(alike);
  expect(Array.from(unmoved).every(Number.isFinite)).toBe(true);
  expectClose(unmoved, Array.from(alike), 1e-3, 'gradient that is all alike');
});

it('OGM’s scores count the examples that have the modality alone', async () => {
  const [a, b] = ['a', 'b'].map((name) => input(name, [4, 1]));
  const present = input('present', [4, 1]);
  const all = input('all', [4, 1]);
  const factors = ogmCoefficients([
    { loss: a, perRow: a, presence: all },
    { loss: b, perRow: b, presence: present },
  ]);
  const session = await engine.load(
    emitFunction([a, b, present, all], { first: factors[0], second: factors[1] }),
  );
  const losses = (likelihoods: number[]) =>
    float32(
      [4, 1],
      likelihoods.map((value) => -Math.log(value)),
    );
  const results = await session.run({
    a: losses([0.8, 0.8, 0.8, 0.8]),
    // Where it is absent the second modality is certain, which must not count.
    b: losses([0.4, 0.4, 1, 1]),
    present: float32([4, 1], [1, 1, 0, 0]),
    all: float32([4, 1], [1, 1, 1, 1]),
  });
  expect(floatsOf(results, 'first')[0]).toBeCloseTo(1 - Math.tanh(0.3 * 2), 5);
  expect(floatsOf(results, 'second')[0]).toBeCloseTo(1);
});
