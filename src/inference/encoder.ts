import path from 'node:path';
import { TandemError } from '../errors.ts';
import type { Engine } from '../runtime/engine.ts';
import { rowsOf, type Tensors, uint8 } from '../runtime/tensor.ts';
import {
  type ImageEncoderManifest,
  readEncoderManifest,
  type TextEncoderManifest,
  type VerifiedManifest,
} from './encoder-manifest.ts';
import { decodePixels } from './pixels.ts';
import type { Modality } from './prediction.ts';
import { loadTokenizer, padTokens, tokenize } from './tokens.ts';

/**
 * A pretrained encoder. Preparing (decoding, tokenizing) comes before batching and fails for one item alone;
 * encoding takes a batch of what was prepared.
 */
export interface Encoder<Input, Prepared> {
  readonly id: string;
  readonly modality: Modality;
  readonly dimension: number;
  readonly fingerprint: string;
  /** @throws TandemError that names what is wrong with the item */
  prepare(input: Input): Promise<Prepared>;
  /** Features [dimension] of each item, in order. */
  encode(batch: readonly Prepared[]): Promise<Float32Array[]>;
}

/** Takes the bytes of a picture, or its path; pixels travel as bytes. */
export type ImageEncoder = Encoder<Uint8Array | string, Uint8Array>;
/** Takes a text; it travels as token ids. */
export type TextEncoder = Encoder<string, number[]>;

/**
 * Loads the encoder in a folder, once every file's sha256 is checked.
 * @throws TandemError `damaged-artifact` where a file differs or the folder holds another modality
 */
export async function loadImageEncoder(engine: Engine, folder: string): Promise<ImageEncoder> {
  const manifest = expectModality(await readEncoderManifest(folder), 'image');
  const session = await engine.load(path.join(folder, manifest.weights));
  const { preprocessing } = manifest;
  const { crop } = preprocessing;
  return {
    ...identity(manifest),
    prepare: (picture) => decodePixels(picture, preprocessing),
    async encode(batch) {
      const pixels = new Uint8Array(batch.length * crop * crop * 3);
      for (const [index, picture] of batch.entries()) pixels.set(picture, index * crop * crop * 3);
      return features(await session.run({ pixels: uint8([batch.length, crop, crop, 3], pixels) }));
    },
  };
}

/** The same for texts. */
export async function loadTextEncoder(engine: Engine, folder: string): Promise<TextEncoder> {
  const manifest = expectModality(await readEncoderManifest(folder), 'text');
  const [session, tokenizer] = await Promise.all([
    engine.load(path.join(folder, manifest.weights)),
    loadTokenizer(manifest),
  ]);
  return {
    ...identity(manifest),
    prepare: async (text) => tokenize(tokenizer, text, manifest.preprocessing.maximumTokens),
    encode: async (batch) => features(await session.run(padTokens(batch))),
  };
}

function features(results: Tensors): Float32Array[] {
  return rowsOf(results, 'features');
}

function identity({ id, modality, dimension, fingerprint }: VerifiedManifest) {
  return { id, modality, dimension, fingerprint };
}

function expectModality(
  manifest: VerifiedManifest,
  modality: 'image',
): VerifiedManifest<ImageEncoderManifest>;
function expectModality(manifest: VerifiedManifest, modality: 'text'): VerifiedManifest<TextEncoderManifest>;
function expectModality(manifest: VerifiedManifest, modality: Modality): VerifiedManifest {
  if (manifest.modality === modality) return manifest;
  throw new TandemError(
    'damaged-artifact',
    `${manifest.folder} holds an encoder for ${manifest.modality}, not ${modality}`,
  );
}
