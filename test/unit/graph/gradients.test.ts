import { readdir } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { operatorName } from '../../../src/graph/attributes.ts';
import { differentiate, sortedNodes } from '../../../src/graph/differentiate.ts';
import { emitFunction } from '../../../src/graph/emit.ts';
import { differentiableOperators } from '../../../src/graph/gradients.ts';
import * as elementwise from '../../../src/graph/operations/elementwise.ts';
import * as gradient from '../../../src/graph/operations/gradient.ts';
import * as layout from '../../../src/graph/operations/layout.ts';
import * as linear from '../../../src/graph/operations/linear.ts';
import * as loss from '../../../src/graph/operations/loss.ts';
import * as normalization from '../../../src/graph/operations/normalization.ts';
import * as reduction from '../../../src/graph/operations/reduction.ts';
import * as selection from '../../../src/graph/operations/selection.ts';
import { elementCount } from '../../../src/graph/shape.ts';
import {
  apply,
  applyMany,
  constant,
  type Input,
  input,
  integers,
  type Shape,
  type Value,
} from '../../../src/graph/value.ts';
import { Engine, type Session } from '../../../src/runtime/engine.ts';
import { float32, floatsOf } from '../../../src/runtime/tensor.ts';

const { add, multiply, exp } = elementwise;
const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

interface Case {
  shapes: Shape[];
  build(...inputs: Value[]): Value;
  /** Keeps the inputs where the function is smooth and defined. */
  positive?: boolean;
}

const labels = { kind: 'constant', type: 'int32', shape: [4], data: Int32Array.of(0, 2, 1, 2) } as const;
const rowWeights = constant(Float32Array.of(1, 0, 0.5, 2), [4, 1]);
const targets = constant(Float32Array.of(0, 1, 1, 1, 0, 0, 0.3, 0.5, 0, 1, 1, 1), [4, 3]);
const square = (x: Value) => multiply(x, x);
const matrices = [true, false].flatMap((transposeA) =>
  [true, false].map((transposeB) => ({ transposeA, transposeB })),
);

/** By operation: the functions whose gradient is compared with finite differences. */
const cases: Record<string, Case[]> = {
  add: [
    { shapes: [[3, 4], [4]], build: add },
    {
      shapes: [
        [3, 1],
        [3, 4],
      ],
      build: add,
    },
  ],
  subtract: [{ shapes: [[4], [3, 4]], build: elementwise.subtract }],
  multiply: [
    {
      shapes: [
        [3, 4],
        [3, 1],
      ],
      build: multiply,
    },
    { shapes: [[3, 4], []], build: multiply },
  ],
  scale: [{ shapes: [[3, 4]], build: (x) => elementwise.scale(x, -1.5) }],
  divide: [{ shapes: [[3, 4], [4]], build: elementwise.divide, positive: true }],
  negate: [{ shapes: [[3, 4]], build: elementwise.negate }],
  reciprocal: [{ shapes: [[3, 4]], build: elementwise.reciprocal, positive: true }],
  power: [
    { shapes: [[3, 4]], build: (x) => elementwise.power(x, constant(3)) },
    { shapes: [[3, 4], [4]], build: elementwise.power, positive: true },
  ],
  exp: [{ shapes: [[3, 4]], build: exp }],
  log: [{ shapes: [[3, 4]], build: elementwise.log, positive: true }],
  sqrt: [{ shapes: [[3, 4]], build: elementwise.sqrt, positive: true }],
  absolute: [{ shapes: [[3, 4]], build: (x) => elementwise.absolute(elementwise.negate(x)), positive: true }],
  tanh: [{ shapes: [[3, 4]], build: elementwise.tanh }],
  softplus: [{ shapes: [[3, 4]], build: elementwise.softplus }],
  sigmoid: [{ shapes: [[3, 4]], build: elementwise.sigmoid }],
  relu: [
    {
      shapes: [[3, 4]],
      build: (x) => elementwise.relu(elementwise.subtract(x, constant(0.2))),
      positive: true,
    },
  ],
  erf: [{ shapes: [[3, 4]], build: elementwise.erf }],
  gelu: [{ shapes: [[3, 4]], build: elementwise.gelu }],
  atLeast: [
    {
      shapes: [[3, 4]],
      build: (x) => add(elementwise.atLeast(x, 0.1), elementwise.atLeast(x, 9)),
      positive: true,
    },
  ],
  minimum: [
    {
      shapes: [[3, 4], [4]],
      build: elementwise.minimum,
    },
  ],
  rowMaximum: [{ shapes: [[3, 4]], build: (x) => square(selection.rowMaximum(x)) }],
  pick: [{ shapes: [[4, 3]], build: (x) => square(selection.pick(x, labels)) }],
  sumOf: [{ shapes: [[3], [3], [3]], build: (...values) => elementwise.sumOf(values.map(square)) }],
  sum: [
    { shapes: [[3, 4]], build: (x) => reduction.sum(square(x)) },
    { shapes: [[3, 4]], build: (x) => reduction.sum(square(x), [-1], { keepAxes: true }) },
  ],
  mean: [{ shapes: [[2, 3, 4]], build: (x) => reduction.mean(square(x), [0, 2]) }],
  sumOfAbsolutes: [{ shapes: [[3, 4]], build: (x) => reduction.sumOfAbsolutes(x, [1]), positive: true }],
  sumOfSquares: [{ shapes: [[3, 4]], build: (x) => reduction.sumOfSquares(x) }],
  dot: [
    {
      shapes: [
        [3, 4],
        [3, 4],
      ],
      build: reduction.dot,
    },
  ],
  sumTo: [
    { shapes: [[3, 4]], build: (x) => reduction.sumTo(square(x), [4]) },
    { shapes: [[2, 3, 4]], build: (x) => reduction.sumTo(square(x), [3, 1]) },
  ],
  reshape: [{ shapes: [[3, 4]], build: (x) => square(layout.reshape(x, [2, 6])) }],
  transpose: [{ shapes: [[2, 3, 4]], build: (x) => square(layout.transpose(x, [2, 0, 1])) }],
  expand: [{ shapes: [[3, 1]], build: (x) => square(layout.expand(x, [2, 3, 4])) }],
  concat: [
    {
      shapes: [
        [2, 3],
        [2, 1],
      ],
      build: (x, y) => square(layout.concat([x, y], 1)),
    },
  ],
  slice: [{ shapes: [[3, 4]], build: (x) => square(layout.slice(x, [1, 0], [3, 3])) }],
  pad: [{ shapes: [[3, 4]], build: (x) => exp(layout.pad(x, [0, 1], [2, 1])) }],
  where: [
    {
      shapes: [[3, 4], [4]],
      build: (x, y) => square(selection.where(selection.greater(x, constant(0)), x, y)),
    },
  ],
  split: [{ shapes: [[2, 5]], build: (x) => exp(layout.split(x, [2, 3], 1)[1]) }],
  gather: [{ shapes: [[4, 3]], build: (x) => square(layout.gather(x, integers([0, 2, 2]))) }],
  at: [0, 1, 3].map((index) => ({ shapes: [[3, 4]], build: (x) => square(layout.at(x, index, 1)) })),
  gemm: matrices.map(({ transposeA, transposeB }) => ({
    shapes: [transposeA ? [5, 3] : [3, 5], transposeB ? [4, 5] : [5, 4], [4]],
    build: (a, b, bias) => linear.gemm(a, b, { transposeA, transposeB, alpha: 0.5, bias }),
  })),
  thinProduct: [
    {
      shapes: [
        [3, 2],
        [2, 4],
      ],
      build: (down, up) => square(linear.thinProduct(down, up, 2)),
    },
    ...matrices.map(({ transposeA, transposeB }) => ({
      shapes: [
        transposeA ? [3, 5] : [5, 3],
        transposeB ? [4, 3] : [3, 4],
        [transposeB ? 4 : 3, 2],
        [2, transposeB ? 3 : 4],
      ],
      build: (x: Value, w: Value, down: Value, up: Value) =>
        square(
          linear.gemm(x, elementwise.add(w, linear.thinProduct(down, up, 2)), {
            transposeA,
            transposeB,
            alpha: 0.5,
          }),
        ),
    })),
  ],
  addScaled: [{ shapes: [[3, 4], [], [3, 4]], build: linear.addScaled }],
  batchedMatmul: matrices.map(({ transposeA, transposeB }) => ({
    shapes: [transposeA ? [2, 5, 3] : [2, 3, 5], transposeB ? [2, 4, 5] : [2, 5, 4]],
    build: (a, b) => linear.batchedMatmul(a, b, { transposeA, transposeB, alpha: 0.5 }),
  })),
  softmax: [{ shapes: [[3, 5]], build: normalization.softmax }],
  logSoftmax: [{ shapes: [[3, 5]], build: normalization.logSoftmax }],
  layerNorm: [
    { shapes: [[3, 8], [8], [8]], build: (x, gain, shift) => normalization.layerNorm(x, gain, shift) },
  ],
  binaryCrossEntropy: [
    { shapes: [[4, 3]], build: (logits) => loss.binaryCrossEntropy(logits, targets).loss },
    {
      shapes: [[4, 3]],
      build: (logits) => loss.binaryCrossEntropy(logits, targets, { weights: rowWeights }).loss,
    },
  ],
  squaredError: [
    {
      shapes: [
        [4, 3],
        [4, 3],
      ],
      build: (predictions, values) => loss.squaredError(predictions, values, { weights: rowWeights }).loss,
    },
  ],
  crossEntropy: [
    { shapes: [[4, 3]], build: (logits) => loss.crossEntropy(logits, labels).loss },
    {
      shapes: [[4, 3]],
      build: (logits) =>
        loss.crossEntropy(logits, labels, {
          smoothing: 0.2,
          weights: rowWeights,
        }).loss,
    },
  ],
};

/** A convolution of [2, 4, 7, 6] with a bias. */
function convolution(
  weight: [outputs: number, inputs: number, height: number, width: number],
  attributes: Record<string, number | number[]>,
): Case {
  const [outputs, , ...kernel] = weight;
  const {
    strides = [1, 1],
    pads = [0, 0, 0, 0],
    dilations = [1, 1],
  } = attributes as Record<string, number[]>;
  const size = [7, 6].map((pixels, axis) => {
    const free = pixels + pads[axis] + pads[axis + 2] - dilations[axis] * (kernel[axis] - 1) - 1;
    return Math.floor(free / strides[axis]) + 1;
  });
  return {
    shapes: [[2, 4, 7, 6], weight, [outputs]],
    build: (x, w, bias) => apply('Conv', [x, w, bias], { shape: [2, outputs, ...size], attributes }),
  };
}

/** What a model of another maker may hold: nodes that no function of `operations/` builds in this form. */
const imported: Record<string, Case[]> = {
  MatMul: [
    {
      shapes: [
        [3, 5],
        [5, 4],
      ],
      build: (a, b) => apply('MatMul', [a, b], { shape: [3, 4] }),
    },
    {
      shapes: [
        [2, 3, 5],
        [5, 4],
      ],
      build: (a, b) => apply('MatMul', [a, b], { shape: [2, 3, 4] }),
    },
    {
      shapes: [
        [2, 3, 3, 5],
        [2, 3, 5, 4],
      ],
      build: (a, b) => apply('MatMul', [a, b], { shape: [2, 3, 3, 4] }),
    },
    {
      shapes: [
        [3, 5],
        [2, 1, 5, 4],
      ],
      build: (a, b) => apply('MatMul', [a, b], { shape: [2, 1, 3, 4] }),
    },
  ],
  Conv: [
    convolution([6, 4, 1, 1], {}),
    convolution([6, 4, 3, 3], { pads: [1, 1, 1, 1] }),
    convolution([6, 4, 3, 3], { pads: [0, 1, 1, 0], strides: [2, 2] }),
    convolution([6, 4, 3, 2], { pads: [2, 0, 2, 0], dilations: [2, 1] }),
    convolution([4, 1, 3, 3], { pads: [1, 1, 1, 1], group: 4 }),
    convolution([4, 1, 5, 5], { pads: [2, 2, 2, 2], strides: [2, 2], group: 4 }),
    convolution([6, 2, 3, 3], { group: 2 }),
    convolution([5, 4, 3, 3], { strides: [3, 3] }),
  ],
  BatchNormalization: [
    {
      shapes: [[2, 3, 2, 2], [3], [3]],
      build: (x, gain, shift) =>
        apply(
          'BatchNormalization',
          [
            x,
            gain,
            shift,
            constant(Float32Array.of(0.1, 0, -0.2), [3]),
            constant(Float32Array.of(1, 2, 0.5), [3]),
          ],
          { shape: [2, 3, 2, 2] },
        ),
    },
  ],
  GlobalAveragePool: [
    {
      shapes: [[2, 3, 4, 2]],
      build: (x) => square(apply('GlobalAveragePool', [x], { shape: [2, 3, 1, 1] })),
    },
  ],
  Gelu: [
    {
      shapes: [[3, 4]],
      build: (x) => apply('Gelu', [x], { shape: [3, 4], attributes: { approximate: 'tanh' } }),
    },
  ],
  HardSigmoid: [
    {
      // Within and beyond the bend at 1.
      shapes: [[3, 4]],
      build: (x) =>
        elementwise.sumOf(
          [0.5, 20].map((factor) =>
            apply('HardSigmoid', [elementwise.scale(x, factor)], {
              shape: [3, 4],
              attributes: { alpha: { float: 0.25 }, beta: { float: 0.5 } },
            }),
          ),
        ),
      positive: true,
    },
  ],
  Sin: [{ shapes: [[3, 4]], build: (x) => apply('Sin', [x], { shape: [3, 4] }) }],
  Cos: [{ shapes: [[3, 4]], build: (x) => apply('Cos', [x], { shape: [3, 4] }) }],
  Max: [{ shapes: [[3, 4], [4]], build: (a, b) => apply('Max', [a, b], { shape: [3, 4] }) }],
  Identity: [{ shapes: [[3, 4]], build: (x) => square(apply('Identity', [x], { shape: [3, 4] })) }],
  Flatten: [
    {
      shapes: [[2, 3, 2]],
      build: (x) => square(apply('Flatten', [x], { shape: [2, 6], attributes: { axis: 1 } })),
    },
  ],
  Squeeze: [
    { shapes: [[3, 1, 4]], build: (x) => square(apply('Squeeze', [x, integers([1])], { shape: [3, 4] })) },
  ],
  Unsqueeze: [
    {
      shapes: [[3, 4]],
      build: (x) => square(apply('Unsqueeze', [x, integers([0, -1])], { shape: [1, 3, 4, 1] })),
    },
  ],
  Slice: [
    {
      shapes: [[2, 5, 3]],
      build: (x) =>
        square(
          apply('Slice', [x, integers([-4]), integers([2 ** 40]), integers([-2])], { shape: [2, 4, 3] }),
        ),
    },
  ],
  ReduceL2: [
    {
      shapes: [[3, 4]],
      build: (x) => apply('ReduceL2', [x, integers([-1])], { shape: [3], attributes: { keepdims: 0 } }),
    },
  ],
  LpNormalization: [{ shapes: [[3, 4]], build: (x) => apply('LpNormalization', [x], { shape: [3, 4] }) }],
  Gather: [
    {
      shapes: [[2, 4, 3]],
      build: (x) =>
        square(apply('Gather', [x, integers([0, 2, 2])], { shape: [2, 3, 3], attributes: { axis: 1 } })),
    },
    {
      shapes: [[2, 4]],
      build: (x) =>
        square(apply('Gather', [x, integers([3, 0, 3])], { shape: [2, 3], attributes: { axis: -1 } })),
    },
  ],
  Transpose: [{ shapes: [[2, 3, 4]], build: (x) => square(apply('Transpose', [x], { shape: [4, 3, 2] })) }],
  Gemm: [
    {
      shapes: [
        [3, 5],
        [5, 4],
      ],
      build: (a, b) => apply('Gemm', [a, b], { shape: [3, 4] }),
    },
  ],
  ReduceSum: [{ shapes: [[3, 4]], build: (x) => apply('ReduceSum', [square(x)], { shape: [1, 1] }) }],
  ReduceMean: [
    {
      shapes: [[3, 4]],
      build: (x) => apply('ReduceMean', [square(x), integers([-2])], { shape: [1, 4] }),
    },
  ],
  Softmax: [
    { shapes: [[3, 4]], build: (x) => apply('Softmax', [x], { shape: [3, 4], attributes: { axis: 0 } }) },
  ],
  Clip: [
    {
      shapes: [[3, 4]],
      build: (x) => square(apply('Clip', [x, constant(-0.7), constant(0.7)], { shape: [3, 4] })),
    },
  ],
  LayerNormalization: [
    {
      shapes: [[3, 8], [8]],
      build: (x, gain) =>
        applyMany('LayerNormalization', [x, gain], { outputs: [{ type: 'float32', shape: [3, 8] }] })[0],
    },
  ],
};

/** Operations that no gradient passes, by intent; tested below. */
const blocking = ['sign', 'cast', 'argMax', 'equal', 'greater', 'greaterOrEqual', 'stopGradient'];
/** Tested below, or as a part of the gradients of others; a loop's is in in-parts.test.ts. */
const others = ['transformGradient', 'scatterAdd', 'zeros', 'loop'];

const folder = new URL('../../../src/graph/operations/', import.meta.url);

it('multiplies the gradient of a layer by thin matrices without building the gradient of its weight', () => {
  const [x, w] = [input('x', [50, 30]), input('w', [30, 40])];
  const thin = [input('down', [30, 2]), input('up', [2, 40])] as const;
  const gradients = differentiate(
    reduction.sum(square(linear.gemm(x, elementwise.add(w, linear.thinProduct(...thin))))),
    thin,
  );
  const large = sortedNodes(gradients).filter(({ outputs }) => outputs[0]?.shape.join() === '30,40');
  expect(large.map(({ operator }) => operator)).toEqual(['Gemm', '', 'Add']);
});

it('every operation has its gradient tested', async () => {
  const modules = await Promise.all(
    (await readdir(folder)).map((file) => import(new URL(file, folder).href) as Promise<object>),
  );
  const operations = modules.flatMap((module) => Object.keys(module));
  expect([...Object.keys(cases), ...blocking, ...others].sort()).toEqual(operations.sort());
});

it('every rule of the gradient table is tested', () => {
  const built = Object.values({ ...cases, ...imported })
    .flat()
    .map(({ shapes, build }) => build(...shapes.map((shape, index) => input(`x${index}`, shape))));
  const tested = new Set(sortedNodes(built).map(operatorName));
  const comparisons = [
    'Equal',
    'Greater',
    'GreaterOrEqual',
    'Less',
    'LessOrEqual',
    'IsNaN',
    'Not',
    'And',
    'Or',
  ];
  const steps = [...comparisons, 'Sign', 'Cast', 'Shape', 'ArgMax', 'Mod'];
  expect(
    differentiableOperators.filter((operator) => !tested.has(operator) && !steps.includes(operator)),
  ).toEqual([]);
});

it('names an operator that has no rule', () => {
  const x = input('x', [3]);
  const y = apply('Sinh', [x], { shape: [3] });
  expect(() => differentiate(reduction.sum(y), [x])).toThrow('no gradient rule for the operator Sinh');
});

it('rejects what a rule does not cover rather than differentiating it wrongly', () => {
  const x = input('x', [3, 4]);
  const wrong = {
    approximate: apply('Gelu', [x], { shape: [3, 4], attributes: { approximate: 'sigmoid' } }),
    vector: apply('MatMul', [x, constant(new Float32Array(4), [4])], { shape: [3] }),
    step: apply('Slice', [x, integers([0]), integers([4]), integers([1]), integers([2])], { shape: [3, 2] }),
    mode: apply('Pad', [x, integers([0, 1, 0, 1])], { shape: [3, 6], attributes: { mode: 'reflect' } }),
    p: apply('LpNormalization', [x], { shape: [3, 4], attributes: { p: 1 } }),
    padding: apply('Conv', [layout.reshape(x, [1, 1, 3, 4]), constant(new Float32Array(4), [1, 1, 2, 2])], {
      shape: [1, 1, 3, 4],
      attributes: { auto_pad: 'SAME_UPPER' },
    }),
    signal: apply('Conv', [layout.reshape(x, [1, 3, 4]), constant(new Float32Array(6), [1, 3, 2])], {
      shape: [1, 1, 3],
    }),
    beta: apply('Gemm', [x, constant(new Float32Array(16), [4, 4])], {
      shape: [3, 4],
      attributes: { beta: { float: 2 } },
    }),
    axis: apply('LayerNormalization', [x, constant(new Float32Array(12), [3, 4])], {
      shape: [3, 4],
      attributes: { axis: 0 },
    }),
  };
  for (const y of Object.values(wrong))
    expect(() => differentiate(reduction.sum(y), [x])).toThrow('does not cover');
});

/** A small generator, so that every run sees the same numbers (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe.each(
  Object.entries({ ...cases, ...imported }).flatMap(([name, list]) =>
    list.map((item, index) => [`${name} #${index}`, item] as const),
  ),
)('%s', (_, { shapes, build, positive }) => {
  it('has the gradient that finite differences see, to 1 %', async () => {
    const uniform = generator(7);
    const draw = (count: number, low: number, high: number) =>
      Float32Array.from({ length: count }, () => low + (high - low) * uniform());
    const inputs: Input[] = shapes.map((shape, index) => input(`x${index}`, shape));
    const y = build(...inputs);
    // A random weighting makes one number of the output, so that every element of it counts.
    const weights = draw(elementCount(y.shape), -1, 1);
    const total = reduction.sum(multiply(y, constant(weights, y.shape)));
    const gradients = differentiate(total, inputs);
    const session = await engine.load(
      emitFunction(inputs, {
        y,
        ...Object.fromEntries(gradients.map((value, index) => [`d${index}`, value])),
      }),
    );
    const point = shapes.map((shape) =>
      positive ? draw(elementCount(shape), 0.5, 2) : draw(elementCount(shape), -1.5, 1.5),
    );
    const results = await evaluate(session, shapes, point);
    for (let trial = 0; trial < 6; trial++) {
      const direction = shapes.map((shape) => draw(elementCount(shape), -1, 1));
      const step = 5e-3;
      const moved = (sign: number) =>
        point.map((values, index) => values.map((value, j) => value + sign * step * direction[index][j]));
      const ahead = weighted(floatsOf(await evaluate(session, shapes, moved(1)), 'y'), weights);
      const behind = weighted(floatsOf(await evaluate(session, shapes, moved(-1)), 'y'), weights);
      const expected = (ahead - behind) / (2 * step);
      const actual = direction.reduce(
        (sum, values, index) => sum + weighted(floatsOf(results, `d${index}`), values),
        0,
      );
      const size = direction.reduce(
        (sum, values, index) =>
          sum + weighted(floatsOf(results, `d${index}`).map(Math.abs), values.map(Math.abs)),
        0,
      );
      expect(Math.abs(actual - expected)).toBeLessThan(0.01 * Math.max(1, size));
    }
  });
});

describe('what no gradient passes', () => {
  const x = input('x', [3]);
  const y = input('y', [3]);

  it.each([
    ['sign', (value: Value) => elementwise.sign(value)],
    ['cast', (value: Value) => elementwise.cast(elementwise.cast(value, 'int32'), 'float32')],
    [
      'argMax',
      (value: Value) => elementwise.cast(selection.argMax(layout.reshape(value, [1, 3])), 'float32'),
    ],
    ['equal', (value: Value) => elementwise.cast(selection.equal(value, constant(0)), 'float32')],
    ['greater', (value: Value) => elementwise.cast(selection.greater(value, constant(0)), 'float32')],
    [
      'greaterOrEqual',
      (value: Value) => elementwise.cast(selection.greaterOrEqual(value, constant(0)), 'float32'),
    ],
    ['stopGradient', (value: Value) => gradient.stopGradient(value)],
  ])('%s', (_, through) => {
    expect(() => differentiate(reduction.sum(through(x)), [x])).toThrow('no gradient reaches x');
  });

  it('does not hide the gradient of another path', async () => {
    const [dx] = differentiate(reduction.sum(add(gradient.stopGradient(square(x)), x)), [x]);
    const session = await engine.load(emitFunction([x], { dx }));
    expect([...floatsOf(await session.run({ x: float32([3], [1, 2, 3]) }), 'dx')]).toEqual([1, 1, 1]);
  });

  it('names a parameter that the loss does not rest on', () => {
    expect(() => differentiate(reduction.sum(x), [x, y])).toThrow('no gradient reaches y');
  });
});

it('transformGradient changes the gradient and not the value', async () => {
  const x = input('x', [3]);
  const y = multiply(
    gradient.transformGradient(x, (g) => elementwise.scale(g, 3)),
    constant(2),
  );
  const [dx] = differentiate(reduction.sum(y), [x]);
  const session = await engine.load(emitFunction([x], { y, dx }));
  const results = await session.run({ x: float32([3], [1, 2, 3]) });
  expect([...floatsOf(results, 'y')]).toEqual([2, 4, 6]);
  expect([...floatsOf(results, 'dx')]).toEqual([6, 6, 6]);
});

function evaluate(session: Session, shapes: Shape[], point: Float32Array[]) {
  return session.run(
    Object.fromEntries(point.map((values, index) => [`x${index}`, float32(shapes[index], values.slice())])),
  );
}

function weighted(values: Float32Array, weights: Float32Array): number {
  return values.reduce((sum, value, index) => sum + value * weights[index], 0);
}

it.each([
  ['ReduceL2', (x: Value) => apply('ReduceL2', [x, integers([-1])], { shape: [2, 1] })],
  ['LpNormalization', (x: Value) => apply('LpNormalization', [x], { shape: [2, 3] })],
] as const)('%s passes a gradient of zero to a row of zeros, which has no direction', async (_, build) => {
  const x = input('x', [2, 3]);
  const [dx] = differentiate(reduction.sum(build(x)), [x]);
  const session = await engine.load(emitFunction([x], { dx }));
  const results = await session.run({ x: float32([2, 3], Float32Array.of(3, 0, 4, 0, 0, 0)) });
  const gradient = floatsOf(results, 'dx');
  expect([...gradient].every(Number.isFinite)).toBe(true);
  expect(gradient[0] === 0 && gradient[2] === 0).toBe(false);
});
