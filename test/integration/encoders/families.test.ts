import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addEncoder } from '../../../src/encoders/add.ts';
import { type Encoder, loadEncoder } from '../../../src/encoders/encoder.ts';
import { findEncoder } from '../../../src/encoders/places.ts';
import {
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  ValueInfoProtoSchema,
} from '../../../src/graph/onnx/onnx_pb.js';
import { Engine } from '../../../src/runtime/engine.ts';
import {
  expectImagesLikePython,
  expectTextsLikePython,
  type Reference,
  readReference,
} from '../../like-python.ts';

const models = fileURLToPath(new URL('../../fixtures/models/', import.meta.url));

const engine = Engine.start({ provider: 'cpu', threads: 1 });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'families-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

const placesIn = (name: string) => ({
  bundled: path.join(folder, 'none'),
  added: path.join(folder, name),
});

async function add(family: string, modality: 'image' | 'text'): Promise<Encoder> {
  const added = await addEncoder(path.join(models, family), placesIn('encoders'), { modality, threads: 1 });
  return loadEncoder(engine, modality, added.folder);
}

const families = await Promise.all(
  (await readdir(models, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && entry.name !== 'images')
    .map(
      async ({ name }): Promise<[string, Reference]> => [name, await readReference(path.join(models, name))],
    ),
);
const ofImages = families.flatMap(([name, { images }]) => (images ? [[name, images] as const] : []));
const ofTexts = families.flatMap(([name, { texts }]) => (texts ? [[name, texts] as const] : []));

it('has a model of each family', () => {
  expect(ofImages.map(([name]) => name)).toEqual(
    expect.arrayContaining(['clip', 'convnext', 'dinov3', 'mobilenet', 'resnet', 'siglip']),
  );
  expect(ofTexts.map(([name]) => name)).toEqual(expect.arrayContaining(['clip', 'modernbert', 'siglip']));
});

describe.each(ofImages)('an image model of %s', (name, images) => {
  it('gives the features of transformers for the same pixels, and nearly the same for the same file', async () => {
    const encoder = await add(name, 'image');
    await expectImagesLikePython(encoder, images, path.join(models, 'images'));
  });
});

describe.each(ofTexts)('a text model of %s', (name, texts) => {
  it('gives the tokens of tokenizers and the features of transformers, in one batch', async () => {
    const encoder = await add(name, 'text');
    await expectTextsLikePython(encoder, texts);
  });
});

/** Both sides of the CLIP in one graph, and their likeness, as JinaCLIP has it. */
async function pairInOneFile(likenessOnly = false): Promise<string> {
  const target = path.join(folder, likenessOnly ? 'likeness' : 'in-one-file');
  await cp(path.join(models, 'clip'), target, { recursive: true });
  const [image, text] = await Promise.all(
    ['vision', 'text'].map(async (side) => {
      const file = path.join(target, 'onnx', `${side}_model.onnx`);
      const model = fromBinary(ModelProtoSchema, await readFile(file));
      await rm(file);
      return prefixed(model, side);
    }),
  );
  const both = create(ModelProtoSchema, image);
  const [graph, other] = [both.graph, text.graph];
  if (!graph || !other) throw new Error('the fixtures have graphs');
  graph.node.push(
    ...other.node,
    create(NodeProtoSchema, {
      opType: 'MatMul',
      input: ['image_embeds', 'turned_texts'],
      output: ['logits_per_image'],
    }),
  );
  graph.node.splice(
    -1,
    0,
    create(NodeProtoSchema, { opType: 'Transpose', input: ['text_embeds'], output: ['turned_texts'] }),
  );
  graph.initializer.push(...other.initializer);
  graph.input.push(...other.input);
  graph.valueInfo = [];
  graph.output.push(...other.output, create(ValueInfoProtoSchema, { name: 'logits_per_image' }));
  if (likenessOnly) graph.output = graph.output.filter(({ name }) => name === 'logits_per_image');
  await writeFile(path.join(target, 'onnx', 'model.onnx'), toBinary(ModelProtoSchema, both));
  return target;
}

/** The model with names that no other has, but for its inputs and its features, which are its only output. */
function prefixed(model: ModelProto, prefix: string): ModelProto {
  const { graph } = model;
  if (!graph) throw new Error('the fixture has a graph');
  graph.output = graph.output.filter(({ name }) => name.endsWith('_embeds'));
  const kept = new Set(['', ...[...graph.input, ...graph.output].map(({ name }) => name)]);
  const named = (name: string) => (kept.has(name) ? name : `${prefix}/${name}`);
  for (const node of graph.node) {
    node.name = named(node.name);
    node.input = node.input.map(named);
    node.output = node.output.map(named);
  }
  for (const tensor of graph.initializer) tensor.name = named(tensor.name);
  return model;
}

it('makes an encoder of each side of a pair that has both in one file', async () => {
  const places = placesIn('from-one-file');
  const one = await pairInOneFile();
  await expect(addEncoder(one, places, { threads: 1 })).rejects.toMatchObject({
    code: 'invalid-encoder',
    fix: expect.stringContaining('--modality image'),
  });
  const items = { image: await readFile(path.join(models, 'images', 'cat.png')), text: 'a photo of a cat' };
  for (const modality of ['image', 'text'] as const) {
    const added = await addEncoder(one, places, { modality, threads: 1 });
    expect(added.pair?.model).toBe(one);
    const sides = [await loadEncoder(engine, modality, added.folder), await add('clip', modality)];
    const [features, expected] = await Promise.all(
      sides.map(async (side) => (await side.encode([await side.prepare(items[modality])]))[0]),
    );
    expect(features).toEqual(expected);
  }
});

it('refuses a pair in one file whose sides cannot be told apart, and says what to do', async () => {
  const likeness = await pairInOneFile(true);
  await expect(
    addEncoder(likeness, placesIn('likeness'), { modality: 'image', threads: 1 }),
  ).rejects.toMatchObject({
    code: 'invalid-encoder',
    message: expect.stringContaining('each of its outputs (logits_per_image) rests on input_ids'),
    fix: expect.stringContaining('onnx/vision_model.onnx'),
  });
});

it('makes an encoder of each side of a pair, under one name', async () => {
  const places = placesIn('pair');
  const pair = path.join(models, 'clip');
  await expect(addEncoder(pair, places, { threads: 1 })).rejects.toMatchObject({
    code: 'invalid-encoder',
    fix: expect.stringContaining('--modality image'),
  });
  const image = await addEncoder(pair, places, { modality: 'image', threads: 1 });
  const text = await addEncoder(pair, places, { modality: 'text', threads: 1 });
  expect([image.id, text.id, image.dimension, text.dimension]).toEqual(['clip', 'clip', 16, 16]);
  expect(await findEncoder(places, 'clip', 'image')).toBe(image.folder);
  expect(await findEncoder(places, 'clip', 'text')).toBe(text.folder);
  await expect(findEncoder(places, 'clip')).rejects.toMatchObject({
    code: 'encoder-conflict',
    fix: expect.stringContaining(image.fingerprint.slice(0, 12)),
  });
});
