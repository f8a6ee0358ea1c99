import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addEncoder } from '../../../src/encoders/add.ts';
import { type Encoder, loadEncoder } from '../../../src/encoders/encoder.ts';
import { findEncoder } from '../../../src/encoders/places.ts';
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
