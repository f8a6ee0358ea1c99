import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { fusedOutput, unimodalOutput } from '../arl/serving.ts';
import type { TargetKind } from '../arl/target.ts';
import { TandemError } from '../errors.ts';
import type { Runnable } from '../runtime/engine.ts';
import type { ModelLoader } from '../runtime/engine-pool.ts';
import { float32, rowsOf, type Tensors } from '../runtime/tensor.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { type HeadManifest, headFiles, headManifestSchema } from './head-manifest.ts';
import type { Modality } from './prediction.ts';
import { softmax } from './softmax.ts';
import { asProblem, runWithinMemory } from './within-memory.ts';

/** Features of one item; a modality that it lacks is absent. */
export type ItemFeatures = Partial<Record<Modality, Float32Array>>;

/** Class probabilities of one item (or the numbers that it is taken for): fused, and of every modality that it has. */
export interface ItemProbabilities {
  fused: Float64Array;
  unimodal: Partial<Record<Modality, Float64Array>>;
}

/** A modality whose features a head takes. */
export type TakenFeatures = Pick<HeadManifest['encoders'][number], 'modality' | 'dimension'>;

export interface Classifier {
  /**
   * Classifies items. One that lacks a modality is answered by the shared auxiliary predictor of what it has.
   * @param items or what gives them, called when they can be classified at once
   * @throws Error where an item has none of the head's modalities; TandemError `out-of-memory`
   */
  classify(items: readonly ItemFeatures[] | (() => readonly ItemFeatures[])): Promise<ItemProbabilities[]>;
  release(): Promise<void>;
}

/** A registered head, ready to answer. */
export interface Head extends Classifier {
  readonly manifest: HeadManifest;
}

/**
 * What classifies with a head's model.
 * @param session of head.onnx
 * @param encoders the modalities that it takes, in its order
 * @param target what its logits stand for
 */
export function classifierOf(
  session: Runnable,
  encoders: readonly TakenFeatures[],
  target: TargetKind = 'single',
): Classifier {
  return {
    classify: (given) =>
      runWithinMemory(session, given, {
        feeds: (items) => feeds(encoders, items),
        read: (outputs, items) => readAnswers(encoders, items, outputs, activations[target]),
      }),
    release: () => session.release(),
  };
}

/**
 * Reads `head.json` in a head's folder.
 * @throws TandemError `damaged-artifact`
 */
export async function readHeadManifest(folder: string): Promise<HeadManifest> {
  const file = path.join(folder, headFiles.manifest);
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw unusable(file, error);
  });
  return parseHeadManifest(text, file);
}

/**
 * Reads the text of a head.json.
 * @param place what to call it where it is damaged
 * @throws TandemError `damaged-artifact`
 */
export function parseHeadManifest(text: string, place: string): HeadManifest {
  try {
    return headManifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw unusable(place, error as Error);
  }
}

function unusable(place: string, error: Error): TandemError {
  const detail = error instanceof z.ZodError ? z.prettifyError(error) : error.message;
  return new TandemError('damaged-artifact', `${place} cannot be used: ${detail}`, { cause: error });
}

/**
 * Loads the head in a folder.
 * @param fingerprints of the encoders that will feed it
 * @throws TandemError `head-conflict` where it was trained on other encoders, `damaged-artifact` where a file differs,
 *   `out-of-memory`
 */
export async function loadHead(
  engine: ModelLoader,
  folder: string,
  fingerprints: Readonly<Record<Modality, string>>,
): Promise<Head> {
  const manifest = await readHeadManifest(folder);
  for (const encoder of manifest.encoders)
    if (encoder.fingerprint !== fingerprints[encoder.modality])
      throw new TandemError(
        'head-conflict',
        `${manifest.name}@${manifest.version} was trained on features of another ${encoder.modality} encoder (${encoder.id}, ${encoder.fingerprint.slice(0, 12)})`,
      );
  const weights = path.join(folder, headFiles.weights);
  if ((await sha256OfFile(weights)) !== manifest.weights)
    throw new TandemError('damaged-artifact', `${weights} is not the file that ${headFiles.manifest} names`);
  const session = await engine.load(weights).catch((error) => {
    throw asProblem(error, `the model of ${manifest.name}@${manifest.version}`);
  });
  return { manifest, ...classifierOf(session, manifest.encoders, manifest.target) };
}

function feeds(encoders: readonly TakenFeatures[], items: readonly ItemFeatures[]): Tensors {
  const entries = encoders.map(({ modality, dimension }) => {
    const values = new Float32Array(items.length * dimension);
    for (const [index, item] of items.entries()) {
      const features = item[modality];
      if (features) values.set(features, index * dimension);
    }
    return [modality, float32([items.length, dimension], values)] as const;
  });
  return Object.fromEntries(entries);
}

/** What logits stand for. */
const activations: Record<TargetKind, (logits: Float32Array) => Float64Array> = {
  single: softmax,
  multi: (logits) => Float64Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit))),
  regression: (logits) => Float64Array.from(logits),
};

function readAnswers(
  encoders: readonly TakenFeatures[],
  items: readonly ItemFeatures[],
  results: Tensors,
  activation: (logits: Float32Array) => Float64Array,
): ItemProbabilities[] {
  const fused = rowsOf(results, fusedOutput);
  const logits = encoders.map(({ modality }) => ({
    modality,
    rows: rowsOf(results, unimodalOutput(modality)),
  }));
  return items.map((item, index) => {
    const known = logits.filter(({ modality }) => item[modality]);
    if (known.length === 0) throw new Error('the item has no features that the head knows');
    const complete = known.length === encoders.length;
    return {
      fused: activation(complete ? fused[index] : known[0].rows[index]),
      unimodal: Object.fromEntries(known.map(({ modality, rows }) => [modality, activation(rows[index])])),
    };
  });
}
