import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { sha256OfFile } from '../store/files/checksum.ts';
import { removeLeftovers } from '../store/files/durable.ts';
import { exists } from '../store/files/exists.ts';
import { writeEncoder, writeManifest } from './convert.ts';
import { chooseModel } from './model/choose.ts';
import { ModelFolder } from './model/model-folder.ts';
import type { ModelSettings } from './model/reader.ts';
import { digestOf } from './model/source-files.ts';
import { undecided, unusable } from './model/unusable.ts';
import { type EncoderOrigin, type EncoderProof, hubOriginOf } from './origin.ts';
import { type EncoderPlaces, type FoundEncoder, listEncoders } from './places.ts';
import { largestDifference, proveEncoder } from './prove.ts';
import { encoderFile, readEncoderManifest, readSpecification } from './specification.ts';

export interface AddOptions extends ModelSettings {
  /** What it is called from now on. */
  id?: string;
  /** What it is called where no id is given; the folder's name by default. */
  title?: string;
  /** Takes a model whose features depend on what else is in the batch. */
  allowBatchDependence?: boolean;
  /** Threads of its proof. */
  threads: number;
}

/**
 * Makes an encoder of a model's folder: reads its files, gives its graph the shape that encoders have, proves it, and keeps
 * it among those that were added, under its fingerprint. What fails leaves nothing behind.
 * @returns the encoder; the one that is there where it was added before
 * @throws TandemError `invalid-encoder` saying what is wrong with the model, or which setting to name; `encoder-conflict`
 * @example await addEncoder('bge-small-en-v1.5', places, { threads: 2 });
 */
export async function addEncoder(
  folder: string,
  places: EncoderPlaces,
  options: AddOptions,
): Promise<FoundEncoder> {
  const model = await ModelFolder.open(folder);
  const id = options.id ?? options.title ?? model.title;
  if (!/^\w[\w.-]{0,95}$/.test(id))
    throw undecided(
      'name',
      'my-encoder',
      `${JSON.stringify(id)} is not a name: letters, digits, dots and dashes are`,
    );
  await mkdir(places.added, { recursive: true });
  await removeLeftovers(places.added);
  const staging = path.join(places.added, `.adding-${randomUUID()}`);
  try {
    await convert(model, staging, id, options);
    return await settle(staging, places, options.id);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Whether a folder is a model's, and not an encoder's. */
export async function isModelFolder(folder: string): Promise<boolean> {
  return (await exists(path.join(folder, 'config.json'))) && !(await exists(path.join(folder, encoderFile)));
}

/**
 * The digest that the origin of an encoder has which is made of a model's folder.
 * @throws TandemError `invalid-encoder`
 */
export async function sourceOf(folder: string, settings: ModelSettings): Promise<string> {
  const model = await ModelFolder.open(folder);
  return digestOf(model, chooseModel(model, settings).weights.name);
}

/** Writes the encoder's folder, proves it, and notes the proof. */
async function convert(model: ModelFolder, staging: string, id: string, options: AddOptions): Promise<void> {
  const { manifest, weights, settings } = await writeEncoder(model, staging, { ...options, id });
  const proof = await proveEncoder(staging, options);
  checkDependence(proof, options);
  await writeManifest(staging, {
    ...manifest,
    origin: {
      folder: model.source,
      digest: await digestOf(model, weights),
      weights: { file: weights, sha256: await sha256OfFile(path.join(model.path, weights)) },
      addedAt: new Date().toISOString(),
      settings,
      proof,
    },
  });
}

function checkDependence(
  { batchDifference, runDifference }: EncoderProof,
  { allowBatchDependence }: AddOptions,
): void {
  if (runDifference > largestDifference)
    throw unusable(
      `two runs of the same item differ by ${percentOf(runDifference)}`,
      'Choose another of its files with --dtype.',
    );
  if (batchDifference <= largestDifference || allowBatchDependence) return;
  throw unusable(
    `an item’s features depend on what else is in its batch: they differ by ${percentOf(batchDifference)}, as dynamic quantisation makes them; a head would be trained on features that no request has`,
    'Choose another of its files with --dtype, such as --dtype fp32 or fp16; --allow-batch-dependence takes it all the same.',
  );
}

function percentOf(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}

/**
 * Gives the folder the name that it keeps. Where the same encoder is there, that one stays, and learns of the hub's model that it
 * is where it was made of a folder; a damaged one is replaced.
 * @param asked what it is to be called, where that was said
 * @throws TandemError `encoder-conflict` where another of its modality has its id (both sides of a pair may have one), or the
 *   same is there under another
 */
async function settle(
  staging: string,
  places: EncoderPlaces,
  asked: string | undefined,
): Promise<FoundEncoder> {
  const { fingerprint, cacheKey: _, ...manifest } = await readSpecification(staging);
  const { id, modality, origin } = manifest;
  const folder = path.join(places.added, fingerprint);
  const { encoders } = await listEncoders(places);
  const known = encoders.find((one) => one.folder === folder);
  if (known && asked !== undefined && known.id !== asked)
    throw new TandemError('encoder-conflict', `the same encoder is there already, as ${known.id}`, {
      fix: `Call it ${known.id}, or remove that one first with \`encoders remove ${known.id}\`.`,
    });
  const other = encoders.find((one) => one.id === id && one.modality === modality && one !== known);
  if (!known && other)
    throw new TandemError(
      'encoder-conflict',
      `${other.folder} is called ${id} as well, and has the fingerprint ${other.fingerprint.slice(0, 12)}, not ${fingerprint.slice(0, 12)}`,
    );
  const isDamaged = known && !(await readEncoderManifest(folder).then(Boolean, () => false));
  if (isDamaged || (known && isOfHub(origin) && !isOfHub(known.origin)))
    await writeManifest(isDamaged ? staging : folder, { ...manifest, id: known.id });
  if (isDamaged) await rm(folder, { recursive: true, force: true });
  if (!(await exists(folder))) await rename(staging, folder);
  return { ...(await readSpecification(folder)), folder, place: 'added' };
}

function isOfHub(origin: EncoderOrigin | undefined): boolean {
  return origin !== undefined && hubOriginOf(origin) !== undefined;
}
