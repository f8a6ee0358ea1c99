import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { AddOptions } from '../encoders/add.ts';
import type { DtypeDrift } from '../encoders/drift.ts';
import type { FetchOptions } from '../encoders/hub/fetch-model.ts';
import { parseModelName } from '../encoders/hub/model-name.ts';
import { isNonCommercial } from '../encoders/license.ts';
import type { EncoderProof } from '../encoders/origin.ts';
import { type FoundEncoder, findEncoder, listEncoders } from '../encoders/places.ts';
import { readSpecification } from '../encoders/specification.ts';
import { TandemError } from '../errors.ts';
import type { InstalledEncoder } from '../protocols/pipeline/services.ts';
import { exists } from '../store/files/exists.ts';
import type { Context } from './context.ts';
import { encoderPlaces, hubOf } from './encoder-settings.ts';

/** An encoder that heads may be trained with. */
export interface EncoderSummary extends InstalledEncoder {
  folder: string;
}

export interface AddEncoderOptions
  extends Omit<AddOptions, 'threads' | 'title'>,
    Pick<FetchOptions, 'signal' | 'onProgress'> {}

/** The encoders that are here. One is named by its id, the beginning of its fingerprint, or its folder. */
export interface InstalledEncoders {
  /** All of them, by id; those that cannot be read are reported apart. */
  list(): Promise<{ encoders: EncoderSummary[]; damaged: { folder: string; problem: string }[] }>;
  /** @throws TandemError `unknown-encoder`, `damaged-artifact` */
  get(encoder: string): Promise<EncoderSummary>;
  /**
   * Adds a model, once it is proved: of the hub by name, where a revision is resolved to its commit, or a folder in the hub's
   * layout.
   * @param model `owner/name`, `owner/name@revision`, or a folder
   * @throws TandemError `unknown-model`, `model-download`; `invalid-encoder` saying what is wrong, or what to say of the model; `encoder-conflict`
   * @example await tandem.encoders.add('Xenova/bge-small-en-v1.5', { pooling: 'cls', onProgress: console.log });
   */
  add(model: string, options?: AddEncoderOptions): Promise<EncoderSummary>;
  /**
   * Checks every file against its sha256 and proves the encoder again. Where its model is still there, and has fp32 beside
   * other types of weights, their features are compared.
   * @throws TandemError `unknown-encoder`, `damaged-artifact`, `invalid-encoder`
   */
  check(encoder: string): Promise<EncoderSummary & { proof: EncoderProof; drift: DtypeDrift[] }>;
  /** @throws TandemError `unknown-encoder`; `encoder-in-use` naming the heads that need it, or where it ships with the program */
  remove(encoder: string): Promise<EncoderSummary>;
}

/** The encoders of a context. */
export function encodersOf(context: Context): InstalledEncoders {
  const { settings } = context;
  const places = encoderPlaces(settings);
  const get = async (reference: string): Promise<EncoderSummary> => {
    const folder = await findEncoder(places, reference);
    return summarize({
      ...(await readSpecification(folder)),
      folder,
      place: placeOf(folder, places.added),
    });
  };
  return {
    async list() {
      const { encoders, damaged } = await listEncoders(places);
      return { encoders: encoders.map(summarize), damaged };
    },
    get,
    async add(model, options = {}) {
      const named = (await exists(model)) ? undefined : parseModelName(model);
      const given = { ...options, threads: settings.threads };
      if (named) {
        const { addFromHub } = await import('../encoders/hub/add-from-hub.ts');
        return summarize(await addFromHub(hubOf(settings), named, places, given));
      }
      const { addEncoder } = await import('../encoders/add.ts');
      return summarize(await addEncoder(model, places, given));
    },
    async check(reference) {
      const [{ proveEncoder }, { measureDrift }, encoder] = await Promise.all([
        import('../encoders/prove.ts'),
        import('../encoders/drift.ts'),
        get(reference),
      ]);
      const { threads } = settings;
      const proof = await proveEncoder(encoder.folder, { threads });
      return {
        ...encoder,
        proof,
        drift: await measureDrift(encoder, { hub: hubOf(settings), places, threads }),
      };
    },
    async remove(reference) {
      const encoder = await get(reference);
      await checkUnused(context, encoder);
      await rm(encoder.folder, { recursive: true, force: true });
      return encoder;
    },
  };
}

function placeOf(folder: string, added: string): FoundEncoder['place'] {
  return path.dirname(path.resolve(folder)) === path.resolve(added) ? 'added' : 'bundled';
}

/** @example summarize(await addFromHub(hub, model, places, options)) */
export function summarize(encoder: FoundEncoder): EncoderSummary {
  const { id, modality, dimension, fingerprint, place, folder, license, origin } = encoder;
  return {
    ...{ id, modality, dimension, fingerprint, place, folder, license },
    isNonCommercial: license !== undefined && isNonCommercial(license),
    origin,
  };
}

/** @throws TandemError `encoder-in-use` */
async function checkUnused(
  context: Context,
  { id, fingerprint, place, folder }: EncoderSummary,
): Promise<void> {
  if (place !== 'added')
    throw new TandemError('encoder-in-use', `${folder} was not added with \`encoders add\``);
  // Where nothing was ever stored there are no heads, and none is to be made for this.
  if (!(await exists(context.settings.data))) return;
  const heads = await (await context.registry()).list();
  const users = heads.filter(({ manifest }) => manifest.includes(fingerprint));
  if (users.length === 0) return;
  const names = users.map(({ name, version }) => `${name}@${version}`).join(', ');
  throw new TandemError('encoder-in-use', `${id} makes the features of ${names}`);
}
