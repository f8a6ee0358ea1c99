import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AddOptions, addEncoder } from '../../src/encoders/add.ts';
import { type Encoder, loadEncoder } from '../../src/encoders/encoder.ts';
import { Engine } from '../../src/runtime/engine.ts';
import {
  cosine,
  expectImagesLikePython,
  expectTextsLikePython,
  largestDifference,
  type Reference,
  readReference,
} from '../like-python.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const photos = path.join(root, 'test', 'fixtures', 'encoders');
/** Packages, a Python environment and models, 6 GB of them, which later runs find again. */
const cache = process.env.ENCODERS_CACHE || path.join(homedir(), '.cache', 'tandem-encoders');
const run = promisify(execFile);

const engine = Engine.start({ provider: 'cpu', threads: 2 });
let folder: string;
beforeAll(async () => {
  console.log(`Python packages and models are kept in ${cache} (ENCODERS_CACHE)`);
  const python = path.join(cache, 'venv', 'bin', 'python');
  const requirements = path.join(import.meta.dirname, 'requirements.txt');
  await run('python3', ['-m', 'venv', path.join(cache, 'venv')]);
  await run(python, ['-m', 'pip', 'install', '-q', '-r', requirements], { maxBuffer: 2 ** 26 });
  await run(python, [path.join(import.meta.dirname, 'real.py'), cache], { maxBuffer: 2 ** 26 });
  folder = await mkdtemp(path.join(tmpdir(), 'encoders-'));
});
afterAll(async () => {
  await engine.close();
  if (folder) await rm(folder, { recursive: true });
});

async function add(
  name: string,
  modality: 'image' | 'text',
  options: Partial<AddOptions> = {},
): Promise<[Encoder, Reference]> {
  const places = { bundled: path.join(folder, 'none'), added: path.join(folder, 'encoders') };
  const model = path.join(cache, 'models', name);
  const added = await addEncoder(model, places, { modality, threads: 2, ...options });
  return [await loadEncoder(engine, modality, added.folder), await readReference(model)];
}

it.each([
  ['all-mpnet-base-v2', 768],
  ['multilingual-e5-small', 384],
] as const)('%s has the tokens and features of transformers', async (name, dimension) => {
  const prefix = name === 'multilingual-e5-small' ? 'query: ' : undefined;
  const [encoder, { texts = [] }] = await add(name, 'text', { prefix });
  expect(encoder.dimension).toBe(dimension);
  expect(texts).toHaveLength(4);
  console.log(`${name}: ${await expectTextsLikePython(encoder, texts)} from transformers`);
});

it.each([
  ['dinov2-small', 384],
  ['efficientnet-lite2', 1280],
] as const)('%s has the features of Python', async (name, dimension) => {
  const [encoder, { images = [] }] = await add(name, 'image');
  expect(encoder.dimension).toBe(dimension);
  expect(images).toHaveLength(4);
  const [difference, least] = await expectImagesLikePython(encoder, images, photos);
  console.log(`${name}: ${difference} for the same pixels, a cosine of ${least} from files`);
});

it('an int8 file whose features depend on the batch is refused, and taken where that is allowed', async () => {
  const name = 'bge-small-en-int8';
  await expect(add(name, 'text')).rejects.toMatchObject({
    code: 'invalid-encoder',
    message: expect.stringContaining('depend on what else is in its batch'),
  });
  const [encoder, { texts = [] }] = await add(name, 'text', { allowBatchDependence: true });
  const rows: Float32Array[] = [];
  for (const { text, ids } of texts) {
    const prepared = await encoder.prepare(text);
    expect(Array.from(prepared as ArrayLike<number>)).toEqual(ids);
    rows.push(...(await encoder.encode([prepared])));
  }
  const expected = texts.map(({ features }) => features);
  console.log(`${name}, one at a time: ${largestDifference(rows, expected)} from onnxruntime in Python`);
  for (const [index, row] of rows.entries()) expect(cosine(row, expected[index])).toBeGreaterThan(0.999);
});
