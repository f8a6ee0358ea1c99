import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attributeProto } from '../../../src/graph/emit.ts';
import { raiseOperatorSet } from '../../../src/graph/import/operator-sets.ts';
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
} from '../../../src/graph/onnx/onnx_pb.js';
import type { Attribute } from '../../../src/graph/value.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf } from '../../../src/runtime/tensor.ts';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'operator-sets-'));
  engine = Engine.start({ provider: 'cpu', threads: 1 });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** One node from x [2, 4] to y, in an operator set. */
function modelOf(
  version: number,
  opType: string,
  attributes: Record<string, Attribute>,
  outputs = ['y'],
): ModelProto {
  const info = (name: string, dims: number[]) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType: DataType.FLOAT,
          shape: { dim: dims.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } })) },
        },
      },
    },
  });
  const output = {
    name: 'y',
    type: { value: { case: 'tensorType' as const, value: { elemType: DataType.FLOAT } } },
  };
  return create(ModelProtoSchema, {
    irVersion: 6n,
    opsetImport: [{ domain: '', version: BigInt(version) }],
    graph: {
      name: 'one',
      node: [
        {
          ...{ opType, name: 'node', input: ['x'], output: outputs },
          attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
        },
      ],
      input: [info('x', [2, 4])],
      output: [output],
    },
  });
}

async function run(model: ModelProto, name: string): Promise<number[]> {
  const file = path.join(folder, `${name}.onnx`);
  await writeFile(file, toBinary(ModelProtoSchema, model));
  const session = await engine.load(file);
  const outputs = await session.run({ x: float32([2, 4], [3, -1, 0.5, 2, 7, 4, -2, 1]) });
  await session.release();
  return [...floatsOf(outputs, 'y')];
}

describe('a model of an older operator set', () => {
  it.each<[string, Record<string, Attribute>, string[]?]>([
    ['Unsqueeze', { axes: [0, 3] }],
    ['ReduceSum', { axes: [1], keepdims: 0 }],
    ['ReduceMean', { axes: [0] }],
    ['ReduceMax', { axes: [1] }],
    ['ReduceL2', { axes: [1] }],
    ['Split', { axis: 1, split: [1, 3] }, ['y', 'z']],
    ['Split', { axis: 1 }, ['y', 'z']],
    ['Softmax', { axis: 1 }],
    ['Dropout', { ratio: { float: 0.5 } }],
  ])('computes the same in a newer one: %s %j', async (opType, attributes, outputs) => {
    const expected = await run(modelOf(11, opType, attributes, outputs), 'old');
    const raised = raiseOperatorSet(modelOf(11, opType, attributes, outputs));
    expect(raised.opsetImport).toMatchObject([{ domain: '', version: 20n }]);
    expect(await run(raised, 'new')).toEqual(expected);
  });

  it('is refused where the newer one has no counterpart, and where it is too old', () => {
    expect(() => raiseOperatorSet(modelOf(11, 'Softmax', {}))).toThrow(/Softmax node names no axis/);
    expect(() => raiseOperatorSet(modelOf(9, 'Relu', {}))).toThrow(/its operator set is 9/);
  });

  it('is left as it is where it is new enough', () => {
    const model = modelOf(21, 'Relu', {});
    expect(raiseOperatorSet(model)).toBe(model);
  });
});
