import path from 'node:path';
import { TandemError } from '../errors.ts';
import { decodePixels } from '../modalities/image/pixels.ts';
import type { Modality } from '../modalities/modality.ts';
import { TokenizerPool } from '../modalities/text/tokenizer-pool.ts';
import { padTokens } from '../modalities/text/tokens.ts';
import type { SubmitOptions } from '../runtime/batcher.ts';
import type { Runnable } from '../runtime/engine.ts';
import type { ModelLoader } from '../runtime/engine-pool.ts';
import { rowsOf, type Tensors, uint8 } from '../runtime/tensor.ts';
import { runWithinMemory } from '../runtime/within-memory.ts';
import { type BatchShapes, batchShapes } from './batch-shapes.ts';
import {
  type ImageEncoderManifest,
  readEncoderManifest,
  type TextEncoderManifest,
  type VerifiedManifest,
} from './specification.ts';

/**
 * A pretrained encoder. Preparing (decoding, tokenizing) comes before batching and fails for one item alone;
 * encoding takes a batch of what was prepared.
 */
export interface Encoder<Input, Prepared> {
  readonly id: string;
  readonly modality: Modality;
  readonly dimension: number;
  /** A head takes features of the fingerprint that it was trained on. */
  readonly fingerprint: string;
  /** Features are kept under this key: equal features to the last bit, equal key. */
  readonly cacheKey: string;
  /**
   * Decodes or tokenizes an item when its turn comes.
   * @param options an abort takes it out of the queue; one that runs already is finished and forgotten
   * @throws TandemError that names what is wrong with the item; the signal's reason where it aborts
   */
  prepare(input: Input, options?: SubmitOptions): Promise<Prepared>;
  /** Gives back the memory of what was prepared and is not needed any more, before the garbage collector would. */
  release?(prepared: Prepared): void;
  /** What an item costs: the pixels of a picture, the tokens of a text. */
  costOf(prepared: Prepared): number;
  /** What it costs in a batch, where that is padded to one of a few shapes; see {@link BatchShapes}. */
  paddedCostOf(prepared: Prepared): number;
  /** What running a batch costs beside its items, in their measure. */
  readonly overhead: number;
  /** The largest budget of a batch, up to this one, that padding can't exceed. */
  fitBudget(budget: number): number;
  /**
   * Features [dimension] of each item, in order.
   * @param batch or what gives it, called when it can run at once, and again where an engine is lost
   * @throws TandemError `out-of-memory` where there is no memory for it, nor for halves of it
   */
  encode(batch: readonly Prepared[] | (() => readonly Prepared[])): Promise<Float32Array[]>;
}

/** Takes the bytes of a picture, or its path; pixels travel as bytes. */
export type ImageEncoder = Encoder<Uint8Array | string, Uint8Array>;
/** Takes a text; it travels as token ids. */
export interface TextEncoder extends Encoder<string, number[]> {
  /** Ends the threads that tokenize. */
  close(): Promise<void>;
}

/**
 * Loads the encoder in a folder, once every file's sha256 is checked.
 * @param shapes that batches are padded to; those that suit the engine's provider unless said
 * @throws TandemError `damaged-artifact` where a file differs or the folder holds another modality
 */
export async function loadImageEncoder(
  engine: ModelLoader,
  folder: string,
  shapes: BatchShapes = batchShapes[engine.provider],
): Promise<ImageEncoder> {
  const manifest = expectModality(await readEncoderManifest(folder), 'image');
  const session = await engine.load(path.join(folder, manifest.weights));
  const { preprocessing } = manifest;
  const { crop } = preprocessing;
  return {
    ...identity(manifest),
    prepare: (picture, options) => decodePixels(picture, preprocessing, options),
    release: (pixels) => void (pixels.buffer as ArrayBuffer).transfer(0),
    costOf: () => crop * crop,
    paddedCostOf: () => crop * crop,
    // Pictures all cost the same: none is padded for another.
    overhead: 0,
    fitBudget: (budget) => shapes.budget(budget, crop * crop),
    encode: (batch) =>
      encode(session, batch, (pictures) => joinPixels(pictures, crop, shapes.rows(pictures.length))),
  };
}

/** The same for texts. */
export async function loadTextEncoder(
  engine: ModelLoader,
  folder: string,
  shapes: BatchShapes = batchShapes[engine.provider],
): Promise<TextEncoder> {
  const manifest = expectModality(await readEncoderManifest(folder), 'text');
  const { maximumTokens } = manifest.preprocessing;
  const [session, tokenizer] = await Promise.all([
    engine.load(path.join(folder, manifest.weights)),
    TokenizerPool.start({ folder, maximumTokens }),
  ]);
  const padded = (longest: number) => shapes.tokens(longest, maximumTokens);
  return {
    ...identity(manifest),
    prepare: (text, options) => tokenizer.tokenize(text, options),
    close: () => tokenizer.close(),
    costOf: (tokens) => tokens.length,
    paddedCostOf: (tokens) => padded(tokens.length),
    overhead: shapes.overhead,
    fitBudget: (budget) => shapes.budget(budget, 1),
    encode: (batch) =>
      encode(session, batch, (texts) => {
        const longest = Math.max(...texts.map((ids) => ids.length));
        return padTokens(texts, { rows: shapes.rows(texts.length), tokens: padded(longest) });
      }),
  };
}

function encode<Prepared>(
  session: Runnable,
  given: readonly Prepared[] | (() => readonly Prepared[]),
  join: (batch: readonly Prepared[]) => Tensors,
): Promise<Float32Array[]> {
  return runWithinMemory(session, given, {
    feeds: join,
    // Rows of padding come last.
    read: (outputs, items) => rowsOf(outputs, 'features').slice(0, items.length),
  });
}

/** Pictures one below the other; rows without one are black. */
function joinPixels(batch: readonly Uint8Array[], crop: number, rows: number): Tensors {
  const pixels = new Uint8Array(rows * crop * crop * 3);
  for (const [index, picture] of batch.entries()) pixels.set(picture, index * crop * crop * 3);
  return { pixels: uint8([rows, crop, crop, 3], pixels) };
}

function identity({ id, modality, dimension, fingerprint, cacheKey }: VerifiedManifest) {
  return { id, modality, dimension, fingerprint, cacheKey };
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
