import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Encoder, loadEncoder } from '../../../src/encoders/encoder.ts';
import { readEncoderManifest } from '../../../src/encoders/specification.ts';
import { batchShapes } from '../../../src/modalities/batch-shapes.ts';
import { Engine } from '../../../src/runtime/engine.ts';

const fixtures = fileURLToPath(new URL('../../fixtures/encoders/', import.meta.url));
const models = fileURLToPath(new URL('../../../models/', import.meta.url));

interface Reference {
  images: { file: string; pixels: string; features: number[] }[];
  texts: { text: string; inputIds: number[]; features: number[] }[];
}
const reference: Reference = JSON.parse(await readFile(path.join(fixtures, 'reference.json'), 'utf8'));

const engine = Engine.start({ provider: 'cpu', threads: 1 });
let image: Encoder;
let text: Encoder;
beforeAll(async () => {
  image = await loadEncoder(engine, 'image', path.join(models, 'efficientnet-lite0'));
  text = await loadEncoder(engine, 'text', path.join(models, 'all-MiniLM-L6-v2'));
});
afterAll(() => engine.close());

describe('the image encoder', () => {
  it.each(reference.images)(
    'agrees with PyTorch on the pixels of $file: cosine 0.9999',
    async ({ pixels, features }) => {
      const bytes = await sharp(path.join(fixtures, pixels)).raw().toBuffer();
      const [row] = await image.encode([bytes]);
      expect(cosine(row, features)).toBeGreaterThan(0.9999);
    },
  );

  it.each(reference.images)(
    'agrees with Pillow and PyTorch on the file $file: cosine 0.999',
    async ({ file, features }) => {
      const [row] = await image.encode([await image.prepare(path.join(fixtures, file))]);
      expect(cosine(row, features)).toBeGreaterThan(0.999);
    },
  );

  it('gives an image the same features alone and in a batch', async () => {
    const batch = await Promise.all(
      reference.images.map(({ file }) => image.prepare(path.join(fixtures, file))),
    );
    const together = await image.encode(batch);
    for (const [index, pixels] of batch.entries()) {
      const [alone] = await image.encode([pixels]);
      expect(cosine(alone, together[index])).toBeGreaterThan(0.999999);
    }
  });

  it('sees the ends of a wide image in the form for whole images, and the centre alone in the other', async () => {
    const whole = await loadEncoder(engine, 'image', path.join(models, 'efficientnet-lite0-whole'));
    expect(whole.fingerprint).not.toBe(image.fingerprint);
    const photo = path.join(fixtures, reference.images[0].file);
    const wide = async (end: string) => {
      const ends = { left: 600, right: 600, background: end };
      const centre = sharp(photo).resize(600, 400, { fit: 'fill' });
      return centre.extend(ends).png().toBuffer();
    };
    const likeness = async (encoder: Encoder) => {
      const [one, other] = await encoder.encode(
        await Promise.all(['#ff0000', '#000000'].map(async (end) => encoder.prepare(await wide(end)))),
      );
      return cosine(one, other);
    };
    expect(await likeness(image)).toBeGreaterThan(0.9999);
    expect(await likeness(whole)).toBeLessThan(0.95);
  });

  it('tells a truncated image from a whole one when it decodes', async () => {
    const whole = await readFile(path.join(fixtures, reference.images[0].file));
    await expect(image.prepare(whole.subarray(0, whole.length / 2))).rejects.toMatchObject({
      code: 'invalid-image',
    });
  });
});

describe('the text encoder', () => {
  it.each(reference.texts)(
    'agrees with the reference on $text',
    async ({ text: value, inputIds, features }) => {
      const ids = await text.prepare(value);
      expect(ids).toEqual(inputIds);
      const [row] = await text.encode([ids]);
      expect(cosine(row, features)).toBeGreaterThan(0.9999);
    },
  );

  it('gives a text the same features alone and beside longer ones', async () => {
    const batch = await Promise.all(reference.texts.map(({ text: value }) => text.prepare(value)));
    const together = await text.encode(batch);
    for (const [index, ids] of batch.entries()) {
      const [alone] = await text.encode([ids]);
      expect(cosine(alone, together[index])).toBeGreaterThan(0.999999);
    }
  });
});

describe('in the few shapes that a GPU gets', () => {
  it('images have the features that they have alone: cosine 0.999999', async () => {
    const padded = await loadEncoder(
      engine,
      'image',
      path.join(models, 'efficientnet-lite0'),
      batchShapes.cuda,
    );
    const three = await Promise.all(
      reference.images.slice(0, 3).map(({ file }) => padded.prepare(path.join(fixtures, file))),
    );
    const together = await padded.encode(three);
    expect(together).toHaveLength(3);
    for (const [index, pixels] of three.entries())
      expect(cosine((await image.encode([pixels]))[0], together[index])).toBeGreaterThan(0.999999);
  });

  it('texts have the features that they have alone: cosine 0.999999', async () => {
    const padded = await loadEncoder(engine, 'text', path.join(models, 'all-MiniLM-L6-v2'), batchShapes.cuda);
    const three = await Promise.all(
      reference.texts.slice(0, 3).map(({ text: value }) => padded.prepare(value)),
    );
    const together = await padded.encode(three);
    expect(together).toHaveLength(3);
    for (const [index, ids] of three.entries())
      expect(cosine((await text.encode([ids]))[0], together[index])).toBeGreaterThan(0.999999);
  });
});

describe('an encoder’s folder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'encoder-'));
    await cp(path.join(models, 'efficientnet-lite0'), folder, { recursive: true });
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('has a fingerprint that depends on its files and its preprocessing alone', async () => {
    const original = await readEncoderManifest(path.join(models, 'efficientnet-lite0'));
    expect((await readEncoderManifest(folder)).fingerprint).toBe(original.fingerprint);
    const manifest = JSON.parse(await readFile(path.join(folder, 'encoder.json'), 'utf8'));
    manifest.preprocessing.crop = 192;
    await writeFile(path.join(folder, 'encoder.json'), JSON.stringify(manifest));
    expect((await readEncoderManifest(folder)).fingerprint).not.toBe(original.fingerprint);
  });

  it('has features of images kept apart from those of an older decoding, and fits the heads trained on them', async () => {
    const { fingerprint, cacheKey } = await readEncoderManifest(
      path.join(models, 'efficientnet-lite0-whole'),
    );
    const ofReadyHead = JSON.parse(
      await readFile(path.join(models, 'heads', 'emoji', '1', 'head.json'), 'utf8'),
    ).encoders[0].fingerprint;
    expect(fingerprint).toBe(ofReadyHead);
    // Features of images with an orientation were kept under the fingerprint, and differ: cosine 0.9997.
    expect(cacheKey).not.toBe(fingerprint);
    const texts = await readEncoderManifest(path.join(models, 'all-MiniLM-L6-v2'));
    expect(texts.cacheKey).toBe(texts.fingerprint);
  });

  it('is refused where a file differs from its sha256', async () => {
    const file = path.join(folder, 'onnx', 'model.onnx');
    const weights = await readFile(file);
    weights[weights.length >> 1] ^= 1;
    await writeFile(file, weights);
    await expect(loadEncoder(engine, 'image', folder)).rejects.toMatchObject({
      code: 'damaged-artifact',
      items: [{ at: file }],
    });
  });

  it('is refused where it holds another modality', async () => {
    await expect(loadEncoder(engine, 'text', path.join(models, 'efficientnet-lite0'))).rejects.toThrow(
      'for image, not text',
    );
  });
});

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let index = 0; index < a.length; index++) {
    product += a[index] * b[index];
    squareA += a[index] ** 2;
    squareB += b[index] ** 2;
  }
  return product / Math.sqrt(squareA * squareB);
}
