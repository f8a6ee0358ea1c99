import path from 'node:path';
import { TandemError } from '../errors.ts';
import { type BatchShapes, batchShapes } from '../modalities/batch-shapes.ts';
import type { Preparation } from '../modalities/modality.ts';
import { type PretrainedName, pretrainedOf } from '../modalities/registry.ts';
import type { ModelLoader } from '../runtime/engine-pool.ts';
import { rowsOf } from '../runtime/tensor.ts';
import { type Conversion, runWithinMemory } from '../runtime/within-memory.ts';
import { hasConvolutions } from './convolutions.ts';
import type { PairSide } from './pair.ts';
import { readEncoderManifest, type TrunkOrigin } from './specification.ts';

/**
 * A pretrained encoder. Preparing (decoding, tokenizing) comes before batching and fails for one item alone;
 * encoding takes a batch of what was prepared.
 */
export interface Encoder<Prepared = unknown> extends Omit<Preparation<Prepared>, 'join' | 'close'> {
  readonly id: string;
  readonly modality: PretrainedName;
  readonly dimension: number;
  /** A head takes features of the fingerprint that it was trained on. */
  readonly fingerprint: string;
  /** Of the weights, as their model card names it. */
  readonly license?: string;
  /** Of the trunk of a text encoder: its features are what a head's own blocks begin with. */
  readonly trunkOf?: TrunkOrigin;
  /** Of one whose features may be compared with those of another modality's encoder. */
  readonly pair?: PairSide;
  /** Features are kept under this key: equal features to the last bit, equal key. */
  readonly cacheKey: string;
  /**
   * Features [dimension] of each item, in order.
   * @param batch or what gives it, called when it can run at once, and again where an engine is lost
   * @throws TandemError `out-of-memory` where there is no memory for it, nor for halves of it
   */
  encode(batch: readonly Prepared[] | (() => readonly Prepared[])): Promise<Float32Array[]>;
}

/** An encoder that takes memory until it is closed. */
export interface LoadedEncoder extends Encoder {
  /** Frees its sessions, and ends its threads. */
  close(): Promise<void>;
}

/**
 * Loads the encoder in a folder, once every file's sha256 is checked.
 * @param modality that it must be for
 * @param shapes that batches are padded to; those that suit the engine's provider by default
 * @throws TandemError `damaged-artifact` where a file differs or the folder holds another modality
 * @example const encoder = await loadEncoder(engine, 'image', 'models/efficientnet-lite0');
 */
export async function loadEncoder(
  engine: ModelLoader,
  modality: PretrainedName,
  folder: string,
  shapes: BatchShapes = batchShapes[engine.provider],
): Promise<LoadedEncoder> {
  const { preprocessing, weights, ...manifest } = await readEncoderManifest(folder);
  if (manifest.modality !== modality)
    throw new TandemError(
      'damaged-artifact',
      `${folder} holds an encoder for ${manifest.modality}, not ${modality}`,
    );
  const model = path.join(folder, weights);
  const sessionPerShape = engine.provider === 'cuda' && (await hasConvolutions(model));
  const [session, { join, ...preparation }] = await Promise.all([
    engine.load(model, { sessionPerShape }),
    pretrainedOf(modality).open({ folder, preprocessing, shapes }),
  ]);
  const { id, dimension, fingerprint, cacheKey, license, trunkOf, pair } = manifest;
  const run: Conversion<unknown, Float32Array> = {
    feeds: join,
    // Rows of padding come last.
    read: (outputs, items) => rowsOf(outputs, 'features').slice(0, items.length),
  };
  return {
    ...{ id, modality, dimension, fingerprint, cacheKey, license, trunkOf, pair },
    ...preparation,
    encode: (batch) => runWithinMemory(session, batch, run),
    async close() {
      await Promise.all([session.release(), preparation.close()]);
    },
  };
}
