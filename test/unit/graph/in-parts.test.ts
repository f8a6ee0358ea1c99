import { afterAll, expect, it } from 'vitest';
import { differentiate } from '../../../src/graph/differentiate.ts';
import { emitFunction } from '../../../src/graph/emit.ts';
import { inParts } from '../../../src/graph/in-parts.ts';
import { add, gelu, multiply } from '../../../src/graph/operations/elementwise.ts';
import { gemm } from '../../../src/graph/operations/linear.ts';
import { sum } from '../../../src/graph/operations/reduction.ts';
import { input, type Value } from '../../../src/graph/value.ts';
import { Random } from '../../../src/random.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf } from '../../../src/runtime/tensor.ts';

const engine = Engine.start({ provider: 'cpu', threads: 1 });
afterAll(() => engine.close());

const x = input('x', [12, 5]);
const weight = input('weight', [5, 3]);
const bias = input('bias', [3]);

/** The squares of a layer's outputs summed, and their gradients. The weight is used outside of the parts as well. */
function model(parts: number): Uint8Array {
  const layer = (rows: Value, [w, b]: readonly Value[]) => add(gelu(gemm(rows, w)), b);
  const y = inParts(parts, x, [weight, bias], layer);
  const loss = add(sum(multiply(y, y)), sum(multiply(weight, weight)));
  const [dWeight, dBias] = differentiate(loss, [weight, bias]);
  return emitFunction([x, weight, bias], { y, loss, dWeight, dBias });
}

async function run(parts: number) {
  const session = await engine.load(model(parts));
  const random = new Random(3, 'in parts');
  const feeds = [x, weight, bias].map(({ name, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return [
      name,
      float32(
        shape,
        Float32Array.from({ length: count }, () => random.nextNormal()),
      ),
    ];
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return results;
}

it.each([2, 3, 12])(
  'a function in %i parts has the values and gradients that it has of all rows at once',
  async (parts) => {
    const [whole, inPieces] = [await run(1), await run(parts)];
    for (const name of Object.keys(whole)) {
      const [expected, found] = [floatsOf(whole, name), floatsOf(inPieces, name)];
      expect(found.length).toBe(expected.length);
      for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 4);
    }
  },
);

it('says where rows cannot be divided', () => {
  expect(() => model(5)).toThrow('12 rows cannot be divided into 5 parts');
});
