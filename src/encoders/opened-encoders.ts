import { stat } from 'node:fs/promises';
import path from 'node:path';
import { separateNames } from '../encoder-list.ts';
import { TandemError } from '../errors.ts';
import { oneOrMore } from '../indexing.ts';
import { batchShapes } from '../modalities/batch-shapes.ts';
import { type PretrainedName, pretrainedOf } from '../modalities/registry.ts';
import type { EnginePool } from '../runtime/engine-pool.ts';
import { type Encoder, type LoadedEncoder, loadEncoder } from './encoder.ts';
import type { Installation, InstalledEncoder } from './places.ts';
import { type PooledEncoder, type PooledEncoders, pooledEncoder } from './pooled-encoder.ts';
import { type EncoderReference, encodersIn, joinReferences } from './reference.ts';
import type { ResidentOptions, Residents } from './residents.ts';
import type { EncoderSpecification } from './specification.ts';
import type { NamedEncoder } from './telemetry.ts';

/** An encoder, and the bytes of the files that it is loaded from. */
export type SizedEncoder = InstalledEncoder & { bytes: number };

/** The encoder with the bytes of the files that it is loaded from, which its sessions hold about as much as. */
export async function sizedOf(encoder: InstalledEncoder): Promise<SizedEncoder> {
  const found = await Promise.all(
    Object.keys(encoder.files).map((file) => stat(path.join(encoder.folder, file)).catch(() => undefined)),
  );
  // What is missing is found out when the encoder is loaded.
  return { ...encoder, bytes: found.reduce((sum, file) => sum + (file?.size ?? 0), 0) };
}

/** Told of encoders that are loaded and evicted. */
export interface ResidentEvents {
  onLoad?(encoder: NamedEncoder): void;
  onEvict?(encoder: NamedEncoder): void;
}

/** What encoders are opened on. */
interface Place {
  pool: EnginePool;
  residents: Residents<LoadedEncoder>;
  installed: Installation;
  /** Engines that each encoder is loaded on. */
  engines: number;
  events: ResidentEvents;
}

/**
 * The encoders that are installed, each opened when it is first asked for, and once. Opening takes no memory: an encoder is
 * loaded when it is used.
 * @example const opened = new OpenedEncoders({ pool, residents, installed, engines: 2, events: {} });
 */
export class OpenedEncoders {
  readonly #place: Place;
  readonly #byFingerprint = new Map<string, PooledEncoder>();

  constructor(place: Place) {
    this.#place = place;
  }

  /** Opens one, or gives the one that was opened before. */
  add({ folder, bytes, ...specification }: SizedEncoder): PooledEncoder {
    const known = this.#byFingerprint.get(specification.fingerprint);
    if (known) return known;
    const { pool, residents, engines, events } = this.#place;
    const load = () => loadOn(pool, folder, specification.modality);
    const resident = residents.add(reporting({ bytes: engines * bytes, load }, specification, events));
    const encoder = pooledEncoder(specification, resident);
    this.#byFingerprint.set(specification.fingerprint, encoder);
    return encoder;
  }

  /** See `Encoders.find`. */
  async find(fingerprint: string): Promise<PooledEncoder | undefined> {
    const known = this.#byFingerprint.get(fingerprint);
    if (known) return known;
    const found = await this.#place.installed.find(fingerprint);
    return found && this.#open(found);
  }

  /** See `Encoders.of`. */
  async of(reference: EncoderReference): Promise<PooledEncoders | undefined> {
    const found = await Promise.all(encodersIn(reference).map(({ fingerprint }) => this.find(fingerprint)));
    const installed = found.flatMap((encoder) => encoder ?? []);
    return installed.length === found.length ? oneOrMore(installed) : undefined;
  }

  /** See `Encoders.named`. */
  async named(reference: string, modality: PretrainedName): Promise<PooledEncoders> {
    const names = separateNames(reference);
    const found = await Promise.all(names.map((name) => this.#named(name, modality)));
    joinReferences(found);
    return oneOrMore(found);
  }

  /** See `Encoders.list`. */
  async list(): Promise<PooledEncoder[]> {
    return Promise.all((await this.#place.installed.list()).map((encoder) => this.#open(encoder)));
  }

  async #named(name: string, modality: PretrainedName): Promise<PooledEncoder> {
    const isMeant = (one: PooledEncoder) => one.id === name && one.modality === modality;
    const known = [...this.#byFingerprint.values()].find(isMeant);
    const found = known ?? (await this.#open(await this.#place.installed.named(name, modality)));
    if (!found.trunkOf) return found;
    throw new TandemError('invalid-request', `${found.id} is the lower part of an encoder`, {
      fix: 'Name the whole encoder, or a head that begins behind it, with its version: pets@3.',
    });
  }

  async #open(encoder: InstalledEncoder): Promise<PooledEncoder> {
    return this.add(await sizedOf(encoder));
  }
}

async function loadOn(pool: EnginePool, folder: string, modality: PretrainedName): Promise<LoadedEncoder> {
  const encoder = await loadEncoder(pool, modality, folder);
  if (pool.provider === 'cuda') await meetEveryShape(encoder);
  return encoder;
}

function reporting(
  { bytes, load }: Pick<ResidentOptions<LoadedEncoder>, 'bytes' | 'load'>,
  { id, modality }: EncoderSpecification,
  { onLoad, onEvict }: ResidentEvents,
): ResidentOptions<LoadedEncoder> {
  return {
    bytes,
    async load() {
      const encoder = await load();
      onLoad?.({ id, modality });
      return encoder;
    },
    async unload(encoder) {
      await encoder.close();
      onEvict?.({ id, modality });
    },
  };
}

/** Items of the largest batch that is met at the start. */
const largestMet = 64;

/** A GPU plans for a shape when it meets it first, which takes about a second where the encoder convolves. */
async function meetEveryShape(encoder: Encoder): Promise<void> {
  const prepared = await encoder.prepare(pretrainedOf(encoder.modality).probe);
  const counts = new Set(Array.from({ length: largestMet }, (_, index) => batchShapes.cuda.rows(index + 1)));
  for (const items of counts) await encoder.encode(Array.from({ length: items }, () => prepared));
}
