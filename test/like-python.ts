import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import type { Encoder } from '../src/encoders/encoder.ts';

/** What transformers, tokenizers and Pillow make of images and texts: `reference.json` of a model’s folder. */
export interface Reference {
  images?: { file: string; pixels: string; features: number[] }[];
  texts?: { text: string; ids: number[]; features: number[] }[];
  /** What was put before each text. */
  prefix?: string;
}

export async function readReference(folder: string): Promise<Reference> {
  return JSON.parse(await readFile(path.join(folder, 'reference.json'), 'utf8'));
}

/** The cosine of two rows of features. */
export function cosine(a: ArrayLike<number>, b: readonly number[]): number {
  const dot = b.reduce((sum, value, k) => sum + value * a[k], 0);
  return dot / (Math.hypot(...Array.from(a)) * Math.hypot(...b));
}

/** The largest difference of one value. */
export function largestDifference(rows: readonly Float32Array[], expected: readonly number[][]): number {
  expect(rows.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  return Math.max(
    ...rows.flatMap((row, index) => expected[index].map((value, k) => Math.abs(row[k] - value))),
  );
}

/**
 * Holds an image encoder to Python: 1e-4 for the same pixels, a cosine of 0.99 from the same file.
 * @returns the largest difference, and the least cosine
 */
export async function expectImagesLikePython(
  encoder: Encoder,
  images: NonNullable<Reference['images']>,
  folder: string,
): Promise<[difference: number, cosine: number]> {
  const pixels = images.map((image) => new Uint8Array(Buffer.from(image.pixels, 'base64')));
  const difference = largestDifference(
    await encoder.encode(pixels),
    images.map(({ features }) => features),
  );
  expect(difference).toBeLessThan(1e-4);
  const cosines: number[] = [];
  for (const { file, features } of images) {
    const [row] = await encoder.encode([await encoder.prepare(await readFile(path.join(folder, file)))]);
    cosines.push(cosine(row, features));
    expect(cosines.at(-1), file).toBeGreaterThan(0.99);
  }
  return [difference, Math.min(...cosines)];
}

/**
 * Holds a text encoder to Python: the same tokens, and 1e-4 for all texts in one batch.
 * @returns the largest difference
 */
export async function expectTextsLikePython(
  encoder: Encoder,
  texts: NonNullable<Reference['texts']>,
): Promise<number> {
  const prepared = await Promise.all(texts.map(({ text }) => encoder.prepare(text)));
  expect(prepared.map((ids) => Array.from(ids as ArrayLike<number>))).toEqual(texts.map(({ ids }) => ids));
  const difference = largestDifference(
    await encoder.encode(prepared),
    texts.map(({ features }) => features),
  );
  expect(difference).toBeLessThan(1e-4);
  return difference;
}
