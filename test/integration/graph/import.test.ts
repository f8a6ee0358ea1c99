import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emitFunction } from '../../../src/graph/emit.ts';
import { importGraph } from '../../../src/graph/import/import-graph.ts';
import { readModel } from '../../../src/graph/import/weights.ts';
import { dynamic, input } from '../../../src/graph/value.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { floatsOf, int64, type Tensors } from '../../../src/runtime/tensor.ts';

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
  it('gives the features that its own file gives', { timeout: 60_000 }, async () => {
    const inputs = {
      input_ids: input('input_ids', [batch, 16], 'int64'),
      attention_mask: input('attention_mask', [batch, 16], 'int64'),
    };
    const { outputs } = await importGraph(engine, await readModel(file), { inputs, prefix: 'text' });
    const imported = await engine.load(emitFunction(Object.values(inputs), { features: outputs.features }));
    const original = await engine.load(file);
    const actual = floatsOf(await imported.run(texts()), 'features');
    const expected = floatsOf(await original.run(texts()), 'features');
    expect(actual.length).toBe(2 * 384);
    expect(Math.max(...actual.map((value, index) => Math.abs(value - expected[index])))).toBeLessThan(1e-5);
  });
});
