import { stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import path from 'node:path';
import { separateNames } from '../encoder-list.ts';
import { TandemError } from '../errors.ts';
import { oneOrMore } from '../indexing.ts';
import { batchShapes } from '../modalities/batch-shapes.ts';
import {
  byPretrained,
  type PretrainedName,
  pretrainedModalities,
  pretrainedNames,
  pretrainedOf,
} from '../modalities/registry.ts';
import { type EngineEvents, EnginePool } from '../runtime/engine-pool.ts';
import type { Provider } from '../runtime/protocol.ts';
import { chooseProvider, type ProviderChoice } from '../runtime/provider.ts';
import { type Encoder, type LoadedEncoder, loadEncoder } from './encoder.ts';
import { type EncoderChoice, type InstalledEncoder, installedEncoders } from './places.ts';
import { type PooledEncoder, type PooledEncoders, pooledEncoder } from './pooled-encoder.ts';
import { type EncoderReference, encodersIn, joinReferences } from './reference.ts';
import { type ResidentOptions, Residents } from './residents.ts';
import { type NamedTrunk, restoreTrunk } from './restore-trunk.ts';
import { type EncoderSpecification, readSpecification } from './specification.ts';
import type { NamedEncoder } from './telemetry.ts';

/** The encoders that are here, on engines that they share. Each is loaded when it is used, or before. */
export interface Encoders {
  /** Those that the settings name: of several of a modality, features are concatenated in this order. */
  readonly byModality: Readonly<Record<PretrainedName, PooledEncoders>>;
  readonly provider: ProviderChoice;
  /** Engines that work side by side. */
  readonly engines: number;
  /** Bytes of the weights that are loaded, on all engines together. */
  loadedBytes(): number;
  /** See {@link Residents.lastLoad}. */
  lastLoad(): number;
  /**
   * The encoder with a fingerprint; undefined where none is installed.
   * @example await encoders.find(head.encoders[0].fingerprint);
   */
  find(fingerprint: string): Promise<PooledEncoder | undefined>;
  /**
   * What makes the features of a modality, as a head or a job names it; undefined where one of its encoders is not installed.
   * @example await encoders.of(head.encoders[0]);
   */
  of(reference: EncoderReference): Promise<PooledEncoders | undefined>;
  /** See {@link restoreTrunk}. */
  restore(trunk: NamedTrunk): Promise<boolean>;
  /**
   * The encoder of a modality with an id, or the beginning of a fingerprint; of several, as `a+b`, each.
   * @throws TandemError `unknown-encoder`; `invalid-request` where one is named twice
   */
  named(reference: string, modality: PretrainedName): Promise<PooledEncoders>;
  /** Loads those that the settings name. @throws TandemError `damaged-artifact` where a file differs */
  load(): Promise<void>;
  /** All that are here, those of the settings first; those that cannot be read are left out. */
  list(): Promise<PooledEncoder[]>;
  close(): Promise<void>;
}

export interface EncoderOptions extends EncoderChoice {
  provider: Provider | 'auto';
  /** Threads that compute, shared out among the engines. */
  threads: number;
  /** Engines that work side by side, each with every encoder; see {@link defaultEngines}. */
  engines: number | 'auto';
  /**
   * MiB of weights that stay loaded, on all engines together; `auto`: a quarter of the memory that the process may have, and
   * no less than those of the settings take. Without a bound by default.
   */
  memory?: number | 'auto';
}

/** What encoders and their engines tell. */
export interface EncoderEvents extends EngineEvents {
  onLoad?(encoder: NamedEncoder): void;
  onEvict?(encoder: NamedEncoder): void;
}

/** More engines than this gain little and cost some 150 MB each. */
const mostEngines = 8;

/**
 * How many engines work side by side by default: on the CPU one a thread, because two batches on a thread each
 * are done sooner than one after the other on two, and with very many threads as many as share them evenly; on a GPU one.
 */
export function defaultEngines(provider: Provider, threads: number): number {
  if (provider === 'cuda') return 1;
  const threadsOfEach = Math.ceil(threads / mostEngines);
  return Math.floor(threads / threadsOfEach);
}

/**
 * The provider that encoders run on here: CUDA where the first modality's encoder works on it.
 * @throws TandemError `invalid-configuration` where the requested provider doesn't work
 */
export function chooseEncoderProvider({
  encoders,
  provider,
}: Pick<EncoderOptions, 'encoders' | 'provider'>): Promise<ProviderChoice> {
  return chooseProvider(provider, async (engine) => {
    const [{ name, probe }] = pretrainedModalities;
    const encoder = await loadEncoder(engine, name, encoders[name][0]);
    await encoder.encode([await encoder.prepare(probe)]).finally(() => encoder.close());
  });
}

/**
 * Starts engines for encoders; each of these is loaded when it is first used.
 * @param events told of what becomes of the engines and encoders
 * @throws TandemError `damaged-artifact`; `invalid-configuration` where the requested provider doesn't work
 */
export async function openEncoders(options: EncoderOptions, events: EncoderEvents = {}): Promise<Encoders> {
  const { encoders, threads, engines, memory = Number.POSITIVE_INFINITY } = options;
  const installed = installedEncoders(options);
  const provider = await chooseEncoderProvider(options);
  const count = engines === 'auto' ? defaultEngines(provider.provider, threads) : engines;
  const specifications = await specificationsOf(encoders);
  const pool = EnginePool.start({
    engines: count,
    provider: provider.provider,
    threads: Math.max(1, Math.floor(threads / count)),
    onLoss: events.onLoss,
    onOutOfMemory: events.onOutOfMemory,
  });
  const own = await Promise.all(specifications.map(sizedOf));
  const ownBytes = own.reduce((sum, { bytes }) => sum + count * bytes, 0);
  const residents = new Residents<LoadedEncoder>({ maximumBytes: boundOf(memory, ownBytes) });
  const opened = new Map<string, PooledEncoder>();
  const openSized = ({ folder, bytes, ...specification }: SizedEncoder): PooledEncoder => {
    const known = opened.get(specification.fingerprint);
    if (known) return known;
    const load = () => loadOn(pool, folder, specification.modality);
    const encoder = pooledEncoder(
      specification,
      residents.add(reporting({ bytes: count * bytes, load }, specification, events)),
    );
    opened.set(specification.fingerprint, encoder);
    return encoder;
  };
  const open = async (encoder: InstalledEncoder) => openSized(await sizedOf(encoder));
  const defaults = own.map(openSized);
  const find = async (fingerprint: string) => {
    const known = opened.get(fingerprint);
    if (known) return known;
    const found = await installed.find(fingerprint);
    return found && open(found);
  };
  const findNamed = async (name: string, modality: PretrainedName) => {
    const isMeant = (one: PooledEncoder) => one.id === name && one.modality === modality;
    return [...opened.values()].find(isMeant) ?? open(await installed.named(name, modality));
  };
  return {
    byModality: byPretrained(({ name }) => oneOrMore(defaults.filter(({ modality }) => modality === name))),
    ...{ provider, engines: count },
    loadedBytes: () => residents.bytes,
    lastLoad: () => residents.lastLoad,
    find,
    async of(reference) {
      const found = await Promise.all(encodersIn(reference).map(({ fingerprint }) => find(fingerprint)));
      const installed = found.flatMap((encoder) => encoder ?? []);
      return installed.length === found.length ? oneOrMore(installed) : undefined;
    },
    restore: (trunk) => restoreTrunk(trunk, installed, options.places?.added),
    async named(reference, modality) {
      const names = separateNames(reference);
      const found = await Promise.all(names.map((name) => findNamed(name, modality)));
      joinReferences(found);
      return oneOrMore(found);
    },
    async load() {
      await Promise.all(defaults.map((encoder) => encoder.load()));
    },
    list: async () => Promise.all((await installed.list()).map(open)),
    async close() {
      await Promise.all([pool.close(), residents.close()]);
    },
  };
}

/**
 * The same, with the encoders of the settings loaded.
 * @throws TandemError as {@link openEncoders}; `damaged-artifact` where a file differs
 */
export async function loadEncoders(options: EncoderOptions, events: EncoderEvents = {}): Promise<Encoders> {
  const encoders = await openEncoders(options, events);
  try {
    await encoders.load();
    return encoders;
  } catch (error) {
    await encoders.close();
    throw error;
  }
}

/**
 * The encoders of the settings, of one modality after the other.
 * @throws TandemError `invalid-configuration` where one is named twice, or is only the trunk of another
 */
async function specificationsOf(folders: EncoderChoice['encoders']): Promise<InstalledEncoder[]> {
  const found: InstalledEncoder[] = [];
  for (const name of pretrainedNames) {
    const ofModality = await Promise.all(
      folders[name].map(async (folder) => ({ ...(await readSpecification(folder)), folder })),
    );
    for (const { id, trunkOf } of ofModality)
      if (trunkOf)
        throw new TandemError('invalid-configuration', `${id} is the lower part of an encoder`, {
          fix: 'Name the whole encoder: heads that begin behind the trunk find it by themselves.',
        });
    joinReferences(ofModality, 'invalid-configuration');
    found.push(...ofModality);
  }
  return found;
}

/** Bytes of weights that stay loaded. */
function boundOf(memory: number | 'auto', least: number): number {
  if (memory !== 'auto') return memory * 2 ** 20;
  const available = Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  return Math.max(available / 4, least);
}

type SizedEncoder = InstalledEncoder & { bytes: number };

/** The encoder with the bytes of the files that it is loaded from, which its sessions hold about as much as. */
async function sizedOf(encoder: InstalledEncoder): Promise<SizedEncoder> {
  const found = await Promise.all(
    Object.keys(encoder.files).map((file) => stat(path.join(encoder.folder, file)).catch(() => undefined)),
  );
  // What is missing is found out when the encoder is loaded.
  return { ...encoder, bytes: found.reduce((sum, file) => sum + (file?.size ?? 0), 0) };
}

async function loadOn(pool: EnginePool, folder: string, modality: PretrainedName): Promise<LoadedEncoder> {
  const encoder = await loadEncoder(pool, modality, folder);
  if (pool.provider === 'cuda') await meetEveryShape(encoder);
  return encoder;
}

function reporting(
  { bytes, load }: Pick<ResidentOptions<LoadedEncoder>, 'bytes' | 'load'>,
  { id, modality }: EncoderSpecification,
  { onLoad, onEvict }: EncoderEvents,
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
