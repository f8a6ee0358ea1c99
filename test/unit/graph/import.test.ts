import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { differentiate } from '../../../src/graph/differentiate.ts';
import { emitFunction } from '../../../src/graph/emit.ts';
import { ImportedModel } from '../../../src/graph/import/imported-model.ts';
import { constantOf, readModel } from '../../../src/graph/import/read-model.ts';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
} from '../../../src/graph/onnx/onnx_pb.js';
import { sum } from '../../../src/graph/operations/reduction.ts';
import { dynamic, input } from '../../../src/graph/value.ts';
import { itemAt } from '../../../src/indexing.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf, int64, type Tensors } from '../../../src/runtime/tensor.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
type Attributes = Record<string, number | { float: number } | readonly number[]>;

function node(operator: string, inputs: string[], outputs: string[], attributes: Attributes = {}): NodeInit {
  const [domain, opType] = operator.includes(':') ? operator.split(':') : ['', operator];
  const attribute = Object.entries(attributes).map(([name, value]) => {
    if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
    if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
    return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
  });
  return { name: `${opType} of ${outputs[0]}`, domain, opType, input: inputs, output: outputs, attribute };
}

/** A weight of numbers that look random. */
function weight(name: string, dims: number[], phase = 1): MessageInitShape<typeof TensorProtoSchema> {
  const count = dims.reduce((product, size) => product * size, 1);
  const floatData = Array.from({ length: count }, (_, index) => Math.sin(phase + 3 * index) / 2);
  return { name, dataType: DataType.FLOAT, dims: dims.map(BigInt), floatData };
}

const integers = (name: string, values: number[]): MessageInitShape<typeof TensorProtoSchema> => ({
  ...{ name, dataType: DataType.INT64, dims: [BigInt(values.length)] },
  int64Data: values.map(BigInt),
});

/** Takes x [batch, 3, 8] and mask [batch, 3], and gives y. */
function model(
  nodes: NodeInit[],
  initializer: MessageInitShape<typeof TensorProtoSchema>[] = [],
  operatorSet = 18,
): ModelProto {
  const info = (name: string, elemType: DataType, dims: (string | number)[]) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType,
          shape: {
            dim: dims.map((size) => ({
              value:
                typeof size === 'string'
                  ? { case: 'dimParam' as const, value: size }
                  : { case: 'dimValue' as const, value: BigInt(size) },
            })),
          },
        },
      },
    },
  });
  return create(ModelProtoSchema, {
    irVersion: 7n,
    opsetImport: [
      { domain: '', version: BigInt(operatorSet) },
      { domain: 'com.microsoft', version: 1n },
    ],
    graph: {
      name: 'test',
      node: nodes,
      initializer,
      input: [info('x', DataType.FLOAT, ['n', 3, 8]), info('mask', DataType.INT64, ['n', 3])],
      output: [{ name: 'y' }],
    },
  });
}

const feeds = (): Tensors => ({
  x: float32(
    [2, 3, 8],
    Float32Array.from({ length: 48 }, (_, index) => Math.cos(index)),
  ),
  mask: int64([2, 3], BigInt64Array.of(1n, 1n, 1n, 1n, 0n, 0n)),
});

const norm = [weight('gain', [8]), weight('shift', [8], 2)];
const toMask = node('Cast', ['mask'], ['mask32'], { to: DataType.INT32 });
const epsilon = { epsilon: { float: 1e-5 } };

const cases: Record<string, ModelProto> = {
  MultiHeadAttention: model(
    [
      toMask,
      node('com.microsoft:MultiHeadAttention', ['x', 'x', 'x', 'b', 'mask32'], ['y'], { num_heads: 2 }),
    ],
    [weight('b', [24])],
  ),
  'MultiHeadAttention without a bias and a mask': model([
    node('com.microsoft:MultiHeadAttention', ['x', 'x', 'x'], ['y'], { num_heads: 4, scale: { float: 0.3 } }),
  ]),
  Attention: model(
    [toMask, node('com.microsoft:Attention', ['x', 'w', 'b', 'mask32'], ['y'], { num_heads: 2 })],
    [weight('w', [8, 24]), weight('b', [24])],
  ),
  SkipLayerNormalization: model(
    [node('com.microsoft:SkipLayerNormalization', ['x', 'x', 'gain', 'shift', 'b'], ['y'], epsilon)],
    [...norm, weight('b', [8], 3)],
  ),
  'the sum of SkipLayerNormalization': model(
    [
      node('com.microsoft:SkipLayerNormalization', ['x', 'x', 'gain', 'shift'], ['n', '', '', 's'], epsilon),
      node('Mul', ['n', 's'], ['y']),
    ],
    norm,
  ),
  BiasGelu: model([node('com.microsoft:BiasGelu', ['x', 'b'], ['y'])], [weight('b', [8])]),
  FastGelu: model([node('com.microsoft:FastGelu', ['x', 'b'], ['y'])], [weight('b', [8])]),
  QuickGelu: model([node('com.microsoft:QuickGelu', ['x'], ['y'])]),
  'LayerNormalization without a shift': model(
    [node('LayerNormalization', ['x', 'gain'], ['y'])],
    norm.slice(0, 1),
  ),
  'Softmax of operator set 11': model([node('Softmax', ['x'], ['y'], { axis: 2 })], [], 11),
  'ReduceMean of operator set 11': model(
    [node('ReduceMean', ['x'], ['y'], { axes: [-1], keepdims: 0 })],
    [],
    11,
  ),
  'Squeeze and Unsqueeze of operator set 11': model(
    [node('Unsqueeze', ['x'], ['u'], { axes: [1] }), node('Squeeze', ['u'], ['y'], { axes: [1] })],
    [],
    11,
  ),
  'Split of operator set 11': model(
    [node('Split', ['x'], ['a', 'b'], { axis: -1, split: [3, 5] }), node('Identity', ['b'], ['y'])],
    [],
    11,
  ),
  'shapes that are computed': model(
    [
      node('Shape', ['x'], ['shape']),
      node('Gather', ['shape', 'first'], ['n']),
      node('Concat', ['n', 'rest'], ['target'], { axis: 0 }),
      node('Reshape', ['x', 'target'], ['r']),
      node('Shape', ['r'], ['wide']),
      node('ReduceSum', ['r', 'last'], ['total'], { keepdims: 1 }),
      node('Expand', ['total', 'wide'], ['e']),
      node('Div', ['r', 'e'], ['y']),
    ],
    [integers('first', [0]), integers('rest', [4, -1]), integers('last', [2])],
  ),
};

describe.each(Object.entries(cases))('%s', (_, proto) => {
  it.each([2, dynamic])('computes what ONNX Runtime computes, for a batch of %s', async (batch) => {
    const inputs = { x: input('x', [batch, 3, 8]), mask: input('mask', [batch, 3], 'int64') };
    const { y } = (await ImportedModel.open(engine, proto, inputs)).build(inputs);
    const imported = await engine.load(emitFunction(Object.values(inputs), { y }));
    const original = await engine.load(toBinary(ModelProtoSchema, proto));
    const used = (names: string[]) => Object.fromEntries(names.map((name) => [name, feeds()[name]]));
    const expected = floatsOf(await original.run(used(['x', 'mask'])), 'y');
    const actual = floatsOf(await imported.run(used(['x', 'mask'])), 'y');
    expect(actual.length).toBe(expected.length);
    expect(Math.max(...actual.map((value, index) => Math.abs(value - expected[index])))).toBeLessThan(2e-6);
  });

  it('has a gradient', async () => {
    const inputs = { x: input('x', [2, 3, 8]), mask: input('mask', [2, 3], 'int64') };
    const { y } = (await ImportedModel.open(engine, proto, inputs)).build(inputs);
    const [dx] = differentiate(sum(y), [inputs.x]);
    expect(dx.shape).toEqual([2, 3, 8]);
  });
});

it('tells weights apart that an exporter kept once, and shares those that differ by intent', async () => {
  const ones = { name: 'ones', dataType: DataType.FLOAT, dims: [8n], floatData: Array(8).fill(1) };
  const proto = model(
    [
      node('LayerNormalization', ['x', 'ones', 'shift'], ['a']),
      node('LayerNormalization', ['a', 'ones', 'shift'], ['y']),
    ],
    [ones, weight('shift', [8])],
  );
  const inputs = { x: input('x', [2, 3, 8]), mask: input('mask', [2, 3], 'int64') };
  const names: string[] = [];
  (await ImportedModel.open(engine, proto, inputs)).build(inputs, ({ name }) => {
    names.push(name);
    return undefined;
  });
  expect(names).toEqual(['ones@LayerNormalization of a', 'shift', 'ones@LayerNormalization of y']);
});

it('reads weights from a file beside the model, and widens half precision', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'external-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const halves = new Uint8Array(new Uint16Array([0x3c00, 0xc000, 0x3555]).buffer);
  await writeFile(path.join(folder, 'weights.bin'), Buffer.concat([Buffer.alloc(6), halves]));
  const external = (length: string) =>
    toBinary(
      ModelProtoSchema,
      model(
        [],
        [
          {
            ...{ name: 'w', dataType: DataType.FLOAT16, dims: [3n], dataLocation: 1 },
            externalData: Object.entries({ location: 'weights.bin', offset: '6', length }).map(
              ([key, value]) => ({ key, value }),
            ),
          },
        ],
      ),
    );
  await writeFile(path.join(folder, 'model.onnx'), external('6'));
  const { graph } = await readModel(path.join(folder, 'model.onnx'));
  const { type, data } = constantOf(itemAt(graph?.initializer ?? [], 0));
  expect(type).toBe('float32');
  expect([...data].map((value) => Number(value).toFixed(3))).toEqual(['1.000', '-2.000', '0.333']);
  await writeFile(path.join(folder, 'model.onnx'), external('8'));
  await expect(readModel(path.join(folder, 'model.onnx'))).rejects.toThrow('ends before the weights w do');
});

it('names the node that has no counterpart, and the one without a gradient', async () => {
  const inputs = { x: input('x', [2, 3, 8]), mask: input('mask', [2, 3], 'int64') };
  const open = (proto: ModelProto) => ImportedModel.open(engine, proto, inputs);
  const causal = model([
    node('com.microsoft:MultiHeadAttention', ['x', 'x', 'x'], ['y'], { num_heads: 2, unidirectional: 1 }),
  ]);
  const imported = await open(causal);
  expect(() => imported.build(inputs)).toThrow(
    'the node MultiHeadAttention of y (MultiHeadAttention): unidirectional attention is not supported',
  );
  const { y } = (await open(model([node('Sinh', ['x'], ['y'])]))).build(inputs);
  expect(() => differentiate(sum(y), [inputs.x])).toThrow('Sinh (the node Sinh of y)');
});
