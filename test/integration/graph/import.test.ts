import { readFile } from 'node:fs/promises';
import { toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differentiate } from '../../../src/graph/differentiate.ts';
import { emitFunction } from '../../../src/graph/emit.ts';
import { findBlocks } from '../../../src/graph/import/blocks.ts';
import { cutModel } from '../../../src/graph/import/cut.ts';
import { ImportedModel } from '../../../src/graph/import/imported-model.ts';
import { readModel } from '../../../src/graph/import/read-model.ts';
import { ModelProtoSchema } from '../../../src/graph/onnx/onnx_pb.js';
import { multiply } from '../../../src/graph/operations/elementwise.ts';
import { sum } from '../../../src/graph/operations/reduction.ts';
import { constant, dynamic, type Input, input } from '../../../src/graph/value.ts';
import { itemAt, required, valueFor } from '../../../src/indexing.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf, int64, type Tensors } from '../../../src/runtime/tensor.ts';

const file = 'models/all-MiniLM-L6-v2/onnx/model_fp16.onnx';
let engine: Engine;
beforeAll(() => {
  engine = Engine.start({ provider: 'cpu', threads: 1 });
});
afterAll(() => engine.close());

/** Two texts of 16 tokens, the second of which has 5 alone. */
function texts(): Tensors {
  const ids = BigInt64Array.from({ length: 32 }, (_, index) => BigInt(1000 + 37 * index));
  const mask = BigInt64Array.from({ length: 32 }, (_, index) => BigInt(Number(index < 21)));
  return { input_ids: int64([2, 16], ids), attention_mask: int64([2, 16], mask) };
}

describe.each([
  ['two texts', 2],
  ['any number of texts', dynamic],
])('the bundled text encoder, read for %s of 16 tokens', (_, batch) => {
  it('gives the features that its own file gives', async () => {
    const inputs = {
      input_ids: input('input_ids', [batch, 16], 'int64'),
      attention_mask: input('attention_mask', [batch, 16], 'int64'),
    };
    const { features } = (await ImportedModel.open(engine, await readModel(file), inputs)).build(inputs);
    const imported = await engine.load(emitFunction(Object.values(inputs), { features }));
    const original = await engine.load(file);
    const actual = floatsOf(await imported.run(texts()), 'features');
    const expected = floatsOf(await original.run(texts()), 'features');
    expect(actual.length).toBe(2 * 384);
    expect(Math.max(...actual.map((value, index) => Math.abs(value - expected[index])))).toBeLessThan(1e-5);
  });
});

describe('the last two of its blocks', () => {
  it('have the gradients that PyTorch has, to 1e-4 of their size', async () => {
    const golden = JSON.parse(await readFile('test/fixtures/graph/tail-gradients.json', 'utf8')) as Golden;
    const model = await readModel(file);
    const blocks = findBlocks(required(model.graph, 'its graph'), 'input_ids');
    expect(blocks).toHaveLength(6);
    const { start } = itemAt(blocks, 4);
    const { trunk, tail } = cutModel(model, start, 'input_ids');
    const inputs = {
      [start]: input('h', [2, 16, 384]),
      attention_mask: input('attention_mask', [2, 16], 'int64'),
    };
    const weights: { parameter: Input; initial: Float32Array }[] = [];
    const { features } = (await ImportedModel.open(engine, tail, inputs)).build(inputs, (weight) => {
      const parameter = input(weight.name, weight.shape);
      weights.push({ parameter, initial: weight.initial.slice() });
      return parameter;
    });
    const cosines = Float32Array.from({ length: 2 * 384 }, (_, index) => Math.cos(index));
    const loss = sum(multiply(features, constant(cosines, [2, 384])));
    const parameters = weights.map(({ parameter }) => parameter);
    const gradients = differentiate(loss, parameters);
    const session = await engine.load(
      emitFunction([...Object.values(inputs), ...parameters], {
        loss,
        ...Object.fromEntries(gradients.map((value, index) => [`d.${index}`, value])),
      }),
    );
    const below = await engine.load(toBinary(ModelProtoSchema, trunk));
    const { [start]: h } = await below.run(texts());
    const results = await session.run({
      h,
      attention_mask: texts().attention_mask,
      ...Object.fromEntries(
        weights.map(({ parameter, initial }) => [parameter.name, float32(parameter.shape, initial)]),
      ),
    });
    expect(Math.abs(floatsOf(results, 'loss')[0] - golden.loss)).toBeLessThan(1e-5);
    const named = new Map(
      weights.map(({ parameter }, index) => [parameter.name, floatsOf(results, `d.${index}`)]),
    );
    for (const [name, expected] of Object.entries(golden.gradients)) {
      const actual = gradientOf(named, name);
      // The gradient of a key's bias is zero: the softmax takes what all keys share off again.
      const within = 1e-4 * Math.max(expected.norm, 0.01);
      const norm = Math.sqrt(actual.reduce((total, value) => total + value * value, 0));
      expect(Math.abs(norm - expected.norm), name).toBeLessThan(within);
      const projection = actual.reduce((total, value, index) => total + value * Math.cos(index), 0);
      expect(Math.abs(projection - expected.projection), name).toBeLessThan(10 * within);
      for (const [index, value] of expected.first.entries())
        expect(Math.abs(actual[index] - value), name).toBeLessThan(within);
    }
    expect(named.size).toBe(Object.keys(golden.gradients).length - 4);
  });
});

/** The gradient of a weight, by the name that PyTorch has for it: the file has matrices transposed, and three biases as one. */
function gradientOf(gradients: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const [, attention, part] = /^(.*\.self)\.(query|key|value)\.bias$/.exec(name) ?? [];
  if (attention === undefined || part === undefined)
    return gradients.get(`bert.${name}_transposed`) ?? valueFor(gradients, `bert.${name}`);
  const place = ['query', 'key', 'value'].indexOf(part);
  return valueFor(gradients, `bert.${attention}.bias`).subarray(384 * place, 384 * (place + 1));
}

interface Golden {
  loss: number;
  gradients: Record<string, { norm: number; projection: number; first: number[] }>;
}
