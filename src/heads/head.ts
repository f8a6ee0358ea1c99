import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { embeddingOutput, fusedOutput, unimodalOutput } from '../arl/ports.ts';
import { addCommand } from '../encoders/origin.ts';
import { type EncoderPart, encodersIn } from '../encoders/reference.ts';
import type { NamedTrunk } from '../encoders/restore-trunk.ts';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';
import { parseJson } from '../json.ts';
import { isFitted, type ModalityName } from '../modalities/registry.ts';
import { product } from '../product.ts';
import { DamagedModel } from '../runtime/damaged-model.ts';
import type { Runnable } from '../runtime/engine.ts';
import type { ModelLoader } from '../runtime/engine-pool.ts';
import { float32, rowsOf, type Tensors } from '../runtime/tensor.ts';
import { asProblem, runWithinMemory } from '../runtime/within-memory.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { targets } from '../targets/targets.ts';
import { type Companions, openCompanions } from './companions.ts';
import { inputsOf, type TakenFeatures } from './inputs.ts';
import type { ItemFeatures } from './item-features.ts';
import { answerOfKnown } from './known-modalities.ts';
import { type HeadManifest, headFiles, headManifestSchema } from './manifest.ts';
import { type Novelty, openNovelty } from './novelty.ts';
import type { HeadFolder } from './registry/head-reading.ts';
import { verifiedFile } from './registry/verified-file.ts';

/** Class probabilities of one item (or the numbers that it is taken for): fused, and of every modality that it has. */
export interface ItemProbabilities {
  fused: Float64Array;
  unimodal: Partial<Record<ModalityName, Float64Array>>;
}

/** The same of a head that may begin inside encoders, with the features that its own blocks make of what the item has. */
export interface ItemAnswer extends ItemProbabilities {
  embeddings?: ItemFeatures;
}

export interface Classifier {
  /**
   * Classifies items. One that lacks a modality is answered by the shared auxiliary predictors of what it has; see
   * {@link answerOfKnown}.
   * @param items or what gives them, called when they can be classified at once
   * @throws Error where an item has none of the head's modalities; TandemError `out-of-memory`
   */
  classify(items: readonly ItemFeatures[] | (() => readonly ItemFeatures[])): Promise<ItemAnswer[]>;
  release(): Promise<void>;
}

/** A registered head, ready to answer. */
export interface Head extends Classifier {
  readonly manifest: HeadManifest;
  /** What makes the features that it takes beside its encoders'. */
  readonly companions: Companions;
  /**
   * What tells what is unlike its training rows, read when it is first asked for; undefined where it keeps none.
   * @throws TandemError `damaged-artifact`
   */
  novelty?(): Promise<Novelty | undefined>;
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
  target: TargetKind,
): Classifier {
  return {
    classify: (given) =>
      runWithinMemory(session, given, {
        feeds: (items) => feeds(encoders, items),
        read: (outputs, items) => readAnswers(encoders, items, outputs, target),
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
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new TandemError('damaged-artifact', `${file} cannot be used: ${cause.message}`, { cause });
  });
  return parseHeadManifest(text, file);
}

/**
 * Reads the text of a head.json.
 * @param place what to call it where it is damaged
 * @throws TandemError `damaged-artifact`
 */
export function parseHeadManifest(text: string, place: string): HeadManifest {
  return parseJson(headManifestSchema, text, place);
}

/** Says whether an encoder is here; see `Encoders.find`. */
export interface EncoderLookup {
  find(fingerprint: string): Promise<unknown>;
  /** Cuts a trunk off its encoder, where that is here; see `restoreTrunk`. */
  restore?(trunk: NamedTrunk): Promise<boolean>;
}

/**
 * Checks that the encoders are here whose features a head takes.
 * @throws TandemError `head-conflict` that says which to add, and how
 */
export async function checkEncoders(
  { name, version, encoders }: HeadManifest,
  lookup: EncoderLookup,
): Promise<void> {
  const missing: MissingEncoder[] = [];
  for (const encoder of encoders) {
    const { modality } = encoder;
    if (isFitted(modality)) continue;
    for (const part of encodersIn(encoder)) {
      if (await lookup.find(part.fingerprint)) continue;
      const { trunkOf } = encoder;
      if (trunkOf && (await lookup.restore?.(encoder))) continue;
      // What a person can add is the whole encoder.
      const whole = trunkOf && !(await lookup.find(trunkOf.fingerprint)) ? trunkOf : undefined;
      missing.push({ ...part, ...whole, id: whole?.id ?? part.id, modality });
    }
  }
  if (missing.length === 0) return;
  const names = missing.map(
    ({ modality, id, fingerprint }) => `the ${modality} encoder ${id} (${fingerprint.slice(0, 12)})`,
  );
  throw new TandemError(
    'head-conflict',
    `${name}@${version} was trained on features of ${names.join(' and ')}, which ${names.length === 1 ? 'is' : 'are'} not here`,
    { fix: missing.map(howToAdd).join(' ') },
  );
}

type MissingEncoder = EncoderPart & { modality: ModalityName };

function howToAdd({ id, modality, origin }: MissingEncoder): string {
  return origin
    ? `Install ${id}: \`${addCommand(origin, modality)}\`.`
    : `Add ${id} with \`${product.invocation} encoders add\` and its folder (\`encoders list\` shows those that are here, with their fingerprints), or train the head again with one that is.`;
}

/**
 * Loads a head's version. Every file is checked against the sha256 that the registry has of it, so that nothing is
 * served that was not registered.
 * @param encoders those that are here
 * @throws TandemError `head-conflict` where an encoder of it is not here, `damaged-artifact` naming a file that
 *   differs, `out-of-memory`; EngineTimeout
 */
export async function loadHead(
  engine: ModelLoader,
  version: HeadFolder,
  encoders: EncoderLookup,
): Promise<Head> {
  const manifest = await readRegisteredManifest(version);
  await checkEncoders(manifest, encoders);
  const companions = await openCompanions(version, manifest);
  const weights = path.join(version.folder, headFiles.weights);
  const sha256 = version.checksums?.[headFiles.weights] ?? manifest.weights;
  const session = await engine.load(weights, { sha256 }).catch((error) => {
    if (error instanceof DamagedModel)
      throw new TandemError('damaged-artifact', error.message, { cause: error });
    throw asProblem(error, `the model of ${manifest.name}@${manifest.version}`);
  });
  const classifier = classifierOf(session, manifest.encoders, manifest.target);
  return { manifest, companions, novelty: onceRead(() => openNovelty(version, manifest)), ...classifier };
}

/** Reads at the first call, and again where that failed. */
function onceRead<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | undefined;
  return () => {
    reading ??= read().catch((error) => {
      reading = undefined;
      throw error;
    });
    return reading;
  };
}

/** The manifest, once every file but the weights has been checked; the engine checks those. */
async function readRegisteredManifest(version: HeadFolder): Promise<HeadManifest> {
  const others = Object.keys(version.checksums ?? {}).filter(
    (file) => file !== headFiles.weights && file !== headFiles.manifest,
  );
  for (const file of others) await verifiedFile(version, file);
  const text = await verifiedFile(version, headFiles.manifest);
  return parseHeadManifest(text.toString(), path.join(version.folder, headFiles.manifest));
}

function feeds(encoders: readonly TakenFeatures[], items: readonly ItemFeatures[]): Tensors {
  const entries = inputsOf(encoders).map(({ name, modality, from, dimension }) => {
    const values = new Float32Array(items.length * dimension);
    for (const [index, item] of items.entries()) {
      const features = item[modality];
      if (features) values.set(features.subarray(from, from + dimension), index * dimension);
    }
    return [name, float32([items.length, dimension], values)] as const;
  });
  return Object.fromEntries(entries);
}

function readAnswers(
  encoders: readonly TakenFeatures[],
  items: readonly ItemFeatures[],
  results: Tensors,
  target: TargetKind,
): ItemAnswer[] {
  const { activate } = targets[target];
  const fused = rowsOf(results, fusedOutput);
  const logits = encoders.map(({ modality }) => ({
    modality,
    rows: rowsOf(results, unimodalOutput(modality)),
  }));
  const embeddings = encoders.flatMap(({ modality, embeddingDimension }) =>
    embeddingDimension === undefined ? [] : [{ modality, rows: rowsOf(results, embeddingOutput(modality)) }],
  );
  return items.map((item, index) => {
    const made = embeddings.filter(({ modality }) => item[modality]);
    const known = logits.filter(({ modality }) => item[modality]);
    if (known.length === 0) throw new Error('the item has no features that the head knows');
    const own = known.map(({ modality, rows }) => [modality, activate(itemAt(rows, index))] as const);
    return {
      fused:
        known.length === encoders.length
          ? activate(itemAt(fused, index))
          : answerOfKnown(
              own.map(([, answer]) => answer),
              target,
            ),
      unimodal: Object.fromEntries(own),
      // Copied: a view would keep the outputs of the whole batch.
      ...(made.length > 0 && {
        embeddings: Object.fromEntries(
          made.map(({ modality, rows }) => [modality, itemAt(rows, index).slice()]),
        ),
      }),
    };
  });
}
