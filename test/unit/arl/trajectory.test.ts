import { afterAll, describe, expect, it } from 'vitest';
import type { HeadArchitecture } from '../../../src/arl/architecture.ts';
import { ParameterLayout } from '../../../src/arl/packing.ts';
import { sharedInputs, stepInputs, trainingStep } from '../../../src/arl/training-step.ts';
import { emitLoop, loopInputName, loopOutputName } from '../../../src/graph/emit.ts';
import { type OptimizerSettings, optimizerScalars } from '../../../src/graph/optimizer.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf, int32, type Tensors } from '../../../src/runtime/tensor.ts';
import { single } from '../../../src/targets/single.ts';
import { expectClose, flat, readGolden, splitFusionWeight, type TrajectoryCase } from './golden.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

/** float32 against PyTorch's float64 after 30 steps. */
const tolerance = 1e-3;

describe.each(['sgd', 'adamw'] as const)('30 steps of %s', (optimizerName) => {
  const golden = readGolden<TrajectoryCase>(`trajectory-${optimizerName}`);
  const { learningRate, steps, warmUpSteps } = golden;
  const optimizer: OptimizerSettings = { ...golden, name: golden.optimizer };
  const batchSize = golden.labels[0].length;
  const architecture: HeadArchitecture = {
    dimensions: golden.inputs.map((modality) => modality[0][0].length),
    hidden: golden.hidden,
    classes: golden.classes,
    adapter: 'mlp',
    fusion: golden.fusion,
    target: single.loss,
  };
  const layout = new ParameterLayout(architecture);
  const step = trainingStep(architecture, {
    strategy: 'arl',
    temperature: golden.temperature,
    residualOn: 'gradient',
    optimizer,
    batchSize,
    clipNorm: golden.clipNorm,
    dropoutMasks: 0,
    partial: false,
  });

  /** Runs the steps in runs of at most `chunk`, as a trainer does. */
  async function train(chunk: number) {
    const session = await engine.load(emitLoop(step));
    const N = steps * batchSize;
    await session.bind({
      ...Object.fromEntries(
        architecture.dimensions.map((D, m) => [
          sharedInputs.features(m),
          float32([N, D], flat(golden.inputs[m])),
        ]),
      ),
      [sharedInputs.truth]: int32([N], golden.labels.flat()),
    });
    const rowsOfStep = (s: number) => Array.from({ length: batchSize }, (_, index) => s * batchSize + index);
    const initial = layout.pack(asArrays(splitFusionWeight(golden.initial, architecture)));
    let state: Tensors = Object.fromEntries(
      step.state.map(({ current: { name, shape } }) => [
        loopInputName(name),
        float32(shape, initial[name] ?? new Float32Array(shape.reduce((a, b) => a * b, 1))),
      ]),
    );
    const reports: Record<'loss' | 'gradientNorm' | 'statistics', number[]> = {
      loss: [],
      gradientNorm: [],
      statistics: [],
    };
    for (let first = 0; first < steps; first += chunk) {
      const range = Array.from({ length: Math.min(chunk, steps - first) }, (_, index) => first + index);
      const S = range.length;
      const feeds: Tensors = {
        [loopInputName(stepInputs.rows)]: int32(
          [S, batchSize],
          range.flatMap((s) => rowsOfStep(s)),
        ),
        [loopInputName(stepInputs.gamma)]: float32(
          [S],
          range.map((s) => (s < warmUpSteps ? 1 : golden.gamma)),
        ),
        [loopInputName(stepInputs.residual)]: float32(
          [S],
          range.map((s) => (s < warmUpSteps ? 0 : 1)),
        ),
      };
      for (const name of Object.keys(optimizerScalars(optimizer, 0, () => learningRate)))
        feeds[loopInputName(name)] = float32(
          [S],
          range.map((s) => optimizerScalars(optimizer, s, () => learningRate)[name]),
        );
      const results = await session.run({ ...state, ...feeds });
      state = Object.fromEntries(
        step.state.map(({ current: { name } }) => [loopInputName(name), results[loopOutputName(name)]]),
      );
      for (const name of ['loss', 'gradientNorm', 'statistics'] as const)
        reports[name].push(...floatsOf(results, name));
    }
    return { state, reports };
  }

  it.each([1, 7, 30])('ends with PyTorch’s parameters, in runs of %i steps', async (chunk) => {
    const { state } = await train(chunk);
    const expected = splitFusionWeight(golden.final, architecture);
    const final = layout.unpack((name) => floatsOf(state, loopInputName(name)));
    expect(Object.keys(final).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, values] of Object.entries(final)) expectClose(values, expected[name], tolerance, name);
  });

  it('reports PyTorch’s loss, gradient norm, H, q, d and k of every step', async () => {
    const { reports } = await train(30);
    expectClose(
      reports.loss,
      golden.log.map(({ total }) => total),
      tolerance,
      'loss',
    );
    expectClose(
      reports.gradientNorm,
      golden.log.map(({ gradientNorm }) => gradientNorm),
      tolerance,
      'gradient norm',
    );
    const statistics = golden.log.flatMap(({ entropy, target, dependence, coefficient }) =>
      [entropy, target, dependence, coefficient].flat(),
    );
    expectClose(reports.statistics, statistics, tolerance, 'statistics');
  });
});

function asArrays(values: Record<string, number[]>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(values).map(([name, list]) => [name, Float32Array.from(list)]));
}
