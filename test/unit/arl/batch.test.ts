import { afterAll, describe, expect, it } from 'vitest';
import { type HeadArchitecture, parameterInputs } from '../../../src/arl/architecture.ts';
import { fusions } from '../../../src/arl/fusion.ts';
import { objective } from '../../../src/arl/objective.ts';
import { ogmCoefficients, strategies } from '../../../src/arl/strategy.ts';
import { differentiate } from '../../../src/graph/differentiate.ts';
import { emitFunction } from '../../../src/graph/emit.ts';
import { scale } from '../../../src/graph/operations/elementwise.ts';
import { crossEntropy } from '../../../src/graph/operations/loss.ts';
import { constant, input } from '../../../src/graph/value.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf, int32 } from '../../../src/runtime/tensor.ts';
import { targetKinds } from '../../../src/targets/target-kind.ts';
import { targets } from '../../../src/targets/targets.ts';
import { type BatchCase, expectClose, flat, readGolden, splitFusionWeight } from './golden.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

/** float32 against PyTorch's float64. */
const tolerance = 1e-5;

const cases = [
  'batch-concat',
  'batch-concat-warmup',
  'batch-concat-joint',
  'batch-concat-uniform',
  'batch-concat-ogm-ge',
  'batch-concat-pdmp',
  'batch-concat-pdmp-three-modalities',
  'batch-concat-pdmp-warmup',
  'batch-concat-three-modalities',
  'batch-sum',
  'batch-sum-three-modalities',
  'batch-share',
  'batch-share-three-modalities',
  'batch-gated',
  'batch-bilinear',
  'batch-late-single',
  'batch-late-multi',
  'batch-late-regression',
  'batch-single-weighted',
  'batch-single-smoothed',
  'batch-single-dropout',
  'batch-multi',
  'batch-multi-smoothed',
  'batch-multi-dropout',
  'batch-regression',
];

it.each([
  ['fusion', Object.keys(fusions)],
  ['strategy', Object.keys(strategies)],
  ['target', targetKinds],
] as const)('every %s is among the cases', (part, names) => {
  const covered = new Set<string>(cases.map((name) => readGolden<BatchCase>(name)[part]));
  expect(names.filter((name) => !covered.has(name))).toEqual([]);
});

describe.each(cases)('%s agrees with PyTorch', (name) => {
  const golden = readGolden<BatchCase>(name);
  const target = targets[golden.target].loss;
  const architecture: HeadArchitecture = {
    dimensions: golden.inputs.map(([row]) => row.length),
    hidden: golden.hidden,
    classes: golden.classes,
    adapter: 'mlp',
    fusion: golden.fusion,
    target,
  };
  const B = golden.labels.length;
  const parameters = parameterInputs(architecture);
  const x = architecture.dimensions.map((D, m) => input(`x.${m}`, [B, D]));
  const { type, shape } = target.truth;
  const truth = input('truth', shape(B, golden.classes), type);
  const weights = golden.weights && constant(Float32Array.from(golden.weights), [B, 1]);
  const passes = golden.passes?.map((pass) =>
    pass.map((values, m) => constant(Float32Array.from(flat(values)), [B, architecture.dimensions[m]])),
  );
  const { loss, logits, analysis } = objective(
    architecture,
    {
      strategy: golden.strategy,
      dominantIndex: golden.dominant,
      variance: golden.variance,
      temperature: golden.temperature,
      smoothing: golden.smoothing,
      gamma: constant(golden.warmUp ? 1 : golden.gamma),
      residual: constant(golden.warmUp ? 0 : 1),
      residualOn: 'gradient',
    },
    { features: x, truth, weights, passes },
    parameters,
  );
  const ogm =
    golden.ogm &&
    ogmCoefficients(
      logits.unimodal.map((u) => crossEntropy(u, truth)),
      golden.ogm.alpha,
    );
  const total = scale(loss, 1 / B);
  const gradients = differentiate(total, Object.values(parameters));
  const gradientNames = Object.keys(parameters).map((parameter) => `d ${parameter}`);
  const model = emitFunction([...x, truth, ...Object.values(parameters)], {
    total,
    fused: logits.fused,
    ...Object.fromEntries(logits.unimodal.map((u, m) => [`unimodal ${m}`, u])),
    ...analysis,
    ...Object.fromEntries((ogm ?? []).map((factor, m) => [`ogm ${m}`, factor])),
    ...Object.fromEntries(gradientNames.map((gradient, index) => [gradient, gradients[index]])),
  });
  const values = splitFusionWeight(golden.parameters, architecture);
  const results = engine.load(model).then((session) =>
    session.run({
      ...Object.fromEntries(x.map((value, m) => [value.name, float32(value.shape, flat(golden.inputs[m]))])),
      truth: (type === 'int32' ? int32 : float32)(truth.shape, flat(golden.labels)),
      ...Object.fromEntries(
        Object.values(parameters).map(({ name, shape }) => [name, float32(shape, values[name])]),
      ),
    }),
  );

  it('in the fused and the unimodal logits', async () => {
    expectClose(floatsOf(await results, 'fused'), flat(golden.fusedLogits), tolerance, 'fused logits');
    for (const [m, expected] of golden.unimodalLogits.entries())
      expectClose(
        floatsOf(await results, `unimodal ${m}`),
        flat(expected),
        tolerance,
        `unimodal logits ${m}`,
      );
  });

  it('in the variance H, target q, dependence d and coefficient k', async () => {
    for (const statistic of ['entropy', 'target', 'dependence', 'coefficient'] as const)
      expectClose(
        floatsOf(await results, statistic === 'entropy' ? 'variance' : statistic),
        golden.statistics[statistic],
        tolerance,
        statistic,
      );
  });

  if (golden.ogm) {
    const { coefficient } = golden.ogm;
    it('in the coefficients of OGM', async () => {
      for (const [m, expected] of coefficient.entries())
        expectClose(floatsOf(await results, `ogm ${m}`), [expected], tolerance, `OGM coefficient ${m}`);
    });
  }

  it('in the total loss', async () => {
    expectClose(floatsOf(await results, 'total'), [golden.losses.total], tolerance, 'total loss');
  });

  it('in the gradient of every parameter', async () => {
    const expected = splitFusionWeight(golden.gradients, architecture);
    expect(Object.keys(expected).sort()).toEqual(Object.keys(parameters).sort());
    for (const [parameter, gradient] of Object.entries(expected))
      expectClose(floatsOf(await results, `d ${parameter}`), gradient, tolerance, `gradient of ${parameter}`);
  });
});
