import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addEncoder } from '../../../src/encoders/add.ts';
import { loadEncoder } from '../../../src/encoders/encoder.ts';
import { openTail } from '../../../src/encoders/tail.ts';
import { cutEncoder, keepTrunk } from '../../../src/encoders/trunk.ts';
import { everyWeight, lowRank } from '../../../src/encoders/weight-update.ts';
import { differentiate } from '../../../src/graph/differentiate.ts';
import { emitFunction } from '../../../src/graph/emit.ts';
import { inferShapes } from '../../../src/graph/infer-shapes.ts';
import { ModelProtoSchema } from '../../../src/graph/onnx/onnx_pb.js';
import { multiply } from '../../../src/graph/operations/elementwise.ts';
import { sum } from '../../../src/graph/operations/reduction.ts';
import { elementCount } from '../../../src/graph/shape.ts';
import { constant, dynamic, input } from '../../../src/graph/value.ts';
import { required } from '../../../src/indexing.ts';
import { Engine } from '../../../src/runtime/engine.ts';
import { float32, floatsOf } from '../../../src/runtime/tensor.ts';
import { readReference } from '../../like-python.ts';

const models = fileURLToPath(new URL('../../fixtures/models/', import.meta.url));
const goldens = fileURLToPath(new URL('../../fixtures/graph/family-gradients.json', import.meta.url));

interface Golden {
  loss: number;
  gradients: Record<string, { norm: number; projection: number }>;
}

const engine = Engine.start({ provider: 'cpu', threads: 1 });
let folder: string;
let golden: Record<string, Golden>;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tails-'));
  golden = JSON.parse(await readFile(goldens, 'utf8'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** What the models were given in Python. */
async function itemsOf(family: string, modality: 'image' | 'text'): Promise<unknown[]> {
  if (modality === 'text') return [8, 5].map((count) => Int32Array.from({ length: count }, (_, k) => 5 + k));
  const { images = [] } = await readReference(path.join(models, family));
  return images.map(({ pixels }) => new Uint8Array(Buffer.from(pixels, 'base64')));
}

async function cut(family: string, modality: 'image' | 'text', blocks?: number, update = everyWeight) {
  const places = { bundled: path.join(folder, 'none'), added: path.join(folder, 'encoders') };
  const added = await addEncoder(path.join(models, family), places, { modality, threads: 1 });
  const tokens = modality === 'text' ? 8 : undefined;
  const parts = await cutEncoder({ folder: added.folder, blocks, tokens });
  const tail = await openTail(engine, parts, update);
  const trunk = await loadEncoder(engine, modality, await keepTrunk(parts, tail.rowLength, places.added));
  const whole = await loadEncoder(engine, modality, added.folder);
  return { tail, trunk, whole };
}

describe.each([
  ['clip', 'image', 1],
  ['clip', 'image', 2],
  ['dinov3', 'image', 1],
  ['convnext', 'image', 2],
  ['mobilenet', 'image', 3],
  ['resnet', 'image', 2],
  ['modernbert', 'text', 1],
  ['modernbert', 'text', 2],
] as const)('%s, cut as a model of %ss below the last %i blocks', (family, modality, blocks) => {
  it('gives the features of the whole encoder, with the gradients of PyTorch', async () => {
    const { tail, trunk, whole } = await cut(family, modality, blocks);
    const items = await itemsOf(family, modality);
    const rows = await trunk.encode(items);
    const expected = (await whole.encode(items)).flatMap((row) => [...row]);
    const x = input('x', [2, tail.rowLength]);
    const parameters = Object.entries(tail.parameterShapes).map(([name, shape]) => input(name, shape));
    const features = tail.features(x, (name) =>
      required(
        parameters.find((one) => one.name === name),
        name,
      ),
    );
    const cosines = Float32Array.from(expected, (_, index) => Math.cos(index));
    const loss = sum(multiply(features, constant(cosines, features.shape)));
    const gradients = differentiate(loss, parameters);
    const session = await engine.load(
      emitFunction([x, ...parameters], {
        ...{ features, loss },
        ...Object.fromEntries(gradients.map((value, index) => [`d.${index}`, value])),
      }),
    );
    const results = await session.run({
      x: float32(
        [2, tail.rowLength],
        rows.flatMap((row) => [...row]),
      ),
      ...Object.fromEntries(
        parameters.map(({ name, shape }) => [name, float32(shape, new Float32Array(elementCount(shape)))]),
      ),
    });
    const actual = floatsOf(results, 'features');
    expect(Math.max(...actual.map((value, index) => Math.abs(value - expected[index])))).toBeLessThan(1e-5);
    expect(floatsOf(results, 'loss')[0]).toBeCloseTo(golden[family].loss, 3);
    for (const [index, { name }] of parameters.entries()) {
      const python = golden[family].gradients[name.split('@')[0]];
      const gradient = floatsOf(results, `d.${index}`);
      const norm = Math.hypot(...gradient);
      const projection = gradient.reduce((total, value, k) => total + value * Math.cos(k), 0);
      // Of what the softmax takes off again, as a key's bias, nothing but rounding is left.
      const within = 2e-4 * Math.max(python.norm, 0.1);
      expect(Math.abs(norm - python.norm), name).toBeLessThan(within);
      expect(Math.abs(projection - python.projection), name).toBeLessThan(10 * within);
    }
    expect(parameters.length).toBeGreaterThan(5);
  });

  it('is a tail whose shapes are known before it runs', async () => {
    const { tail, whole } = await cut(family, modality, blocks);
    const x = input('x', [dynamic, tail.rowLength]);
    const zeros = (name: string) => {
      const shape = tail.parameterShapes[name];
      return constant(new Float32Array(elementCount(shape)), shape);
    };
    const { graph } = fromBinary(ModelProtoSchema, emitFunction([x], { y: tail.features(x, zeros) }));
    const { shapes } = inferShapes(required(graph, 'its graph'), new Map([['x', [3, tail.rowLength]]]));
    expect(shapes.get('y')).toEqual([3, whole.dimension]);
  });
});

describe('adapters on every linear layer of a whole encoder', () => {
  const sizeOf = (name: string) => (name.endsWith('.down') ? Math.cos : Math.sin);
  const adapter = (name: string, shape: readonly number[]) =>
    Float32Array.from({ length: elementCount(shape) }, (_, k) => sizeOf(name)(k) / 50);

  it('have the gradients of PyTorch', async () => {
    const { tail, trunk } = await cut('dinov3', 'image', undefined, lowRank(4));
    const rows = await trunk.encode(await itemsOf('dinov3', 'image'));
    const x = input('x', [2, tail.rowLength]);
    const parameters = Object.entries(tail.parameterShapes).map(([name, shape]) => input(name, shape));
    const features = tail.features(x, (name) =>
      required(
        parameters.find((one) => one.name === name),
        name,
      ),
    );
    const cosines = Float32Array.from({ length: elementCount(features.shape) }, (_, k) => Math.cos(k));
    const loss = sum(multiply(features, constant(cosines, features.shape)));
    const gradients = differentiate(loss, parameters);
    const session = await engine.load(
      emitFunction([x, ...parameters], {
        loss,
        ...Object.fromEntries(gradients.map((value, index) => [`d.${index}`, value])),
      }),
    );
    const results = await session.run({
      x: float32(
        [2, tail.rowLength],
        rows.flatMap((row) => [...row]),
      ),
      ...Object.fromEntries(
        parameters.map(({ name, shape }) => [name, float32(shape, adapter(name, shape))]),
      ),
    });
    const python = golden['dinov3 with adapters'];
    expect(floatsOf(results, 'loss')[0]).toBeCloseTo(python.loss, 3);
    expect(parameters.map(({ name }) => name).sort()).toEqual(Object.keys(python.gradients).sort());
    for (const [index, { name }] of parameters.entries()) {
      const { norm, projection } = python.gradients[name];
      const gradient = floatsOf(results, `d.${index}`);
      const within = 2e-4 * Math.max(norm, 0.1);
      expect(Math.abs(Math.hypot(...gradient) - norm), name).toBeLessThan(within);
      const actual = gradient.reduce((total, value, k) => total + value * Math.cos(k), 0);
      expect(Math.abs(actual - projection), name).toBeLessThan(10 * within);
    }
  });

  it('are merged into the weights where a head keeps them, and change nothing while the second matrix is zero', async () => {
    const { tail, trunk, whole } = await cut('dinov3', 'image', undefined, lowRank(4));
    const items = await itemsOf('dinov3', 'image');
    const rows = await trunk.encode(items);
    const x = input('x', [dynamic, tail.rowLength]);
    const parameters = Object.entries(tail.parameterShapes).map(([name, shape]) => input(name, shape));
    const feeds = () => ({
      x: float32(
        [2, tail.rowLength],
        rows.flatMap((row) => [...row]),
      ),
    });
    const featuresWith = async (valuesOf: typeof adapter) => {
      const values = (name: string) => {
        const shape = tail.parameterShapes[name];
        return constant(valuesOf(name, shape), shape);
      };
      const merged = await engine.load(emitFunction([x], { y: tail.features(x, values) }));
      return floatsOf(await merged.run(feeds()), 'y');
    };
    const expectSame = (a: Float32Array, b: Float32Array) =>
      expect(Math.max(...a.map((value, k) => Math.abs(value - b[k])))).toBeLessThan(1e-5);
    const apart = await engine.load(
      emitFunction([x, ...parameters], {
        y: tail.features(x, (name) =>
          required(
            parameters.find((one) => one.name === name),
            name,
          ),
        ),
      }),
    );
    const adapters = parameters.map(({ name, shape }) => [name, float32(shape, adapter(name, shape))]);
    const expected = floatsOf(await apart.run({ ...feeds(), ...Object.fromEntries(adapters) }), 'y');
    expectSame(await featuresWith(adapter), expected);
    const frozen = (await whole.encode(items)).flatMap((row) => [...row]);
    const atStart = await featuresWith((name, shape) =>
      name.endsWith('.up') ? new Float32Array(elementCount(shape)) : adapter(name, shape),
    );
    expectSame(atStart, Float32Array.from(frozen));
  });
});

it('says of an encoder without an attention mask or blocks that its features stay as they are', async () => {
  const places = { bundled: path.join(folder, 'none'), added: path.join(folder, 'encoders') };
  const { folder: clip } = await addEncoder(path.join(models, 'clip'), places, {
    ...{ modality: 'text', threads: 1 },
  });
  await expect(cutEncoder({ folder: clip, blocks: 1, tokens: 8 })).rejects.toMatchObject({
    code: 'invalid-recipe',
    message: expect.stringContaining('no blocks were found in clip'),
  });
});
