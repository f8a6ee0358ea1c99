import { TandemError } from '../errors.ts';
import { oneOrMore } from '../indexing.ts';
import {
  byPretrained,
  type PretrainedName,
  pretrainedModalities,
  pretrainedNames,
} from '../modalities/registry.ts';
import { type EngineEvents, EnginePool } from '../runtime/engine-pool.ts';
import { memoryBound } from '../runtime/memory-bound.ts';
import type { Provider } from '../runtime/protocol.ts';
import { chooseProvider, type ProviderChoice } from '../runtime/provider.ts';
import { type LoadedEncoder, loadEncoder } from './encoder.ts';
import { OpenedEncoders, type ResidentEvents, sizedOf } from './opened-encoders.ts';
import { type EncoderChoice, type InstalledEncoder, installedEncoders } from './places.ts';
import type { PooledEncoder, PooledEncoders } from './pooled-encoder.ts';
import { type EncoderReference, joinReferences } from './reference.ts';
import { Residents } from './residents.ts';
import { type NamedTrunk, restoreTrunk } from './restore-trunk.ts';
import { readSpecification } from './specification.ts';

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
   * @throws TandemError `unknown-encoder`; `invalid-request` where one is named twice, or is only the trunk of another
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
export interface EncoderEvents extends EngineEvents, ResidentEvents {}

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
  const provider = await chooseEncoderProvider(options);
  const count = engines === 'auto' ? defaultEngines(provider.provider, threads) : engines;
  const own = await Promise.all((await specificationsOf(encoders)).map(sizedOf));
  const pool = EnginePool.start({
    engines: count,
    provider: provider.provider,
    threads: Math.max(1, Math.floor(threads / count)),
    onLoss: events.onLoss,
    onOutOfMemory: events.onOutOfMemory,
  });
  const ownBytes = own.reduce((sum, { bytes }) => sum + count * bytes, 0);
  const residents = new Residents<LoadedEncoder>({
    maximumBytes: memoryBound(memory, { share: 1 / 4, least: ownBytes }),
  });
  const installed = installedEncoders(options);
  const opened = new OpenedEncoders({ pool, residents, installed, engines: count, events });
  const defaults = own.map((encoder) => opened.add(encoder));
  return {
    byModality: byPretrained(({ name }) => oneOrMore(defaults.filter(({ modality }) => modality === name))),
    ...{ provider, engines: count },
    loadedBytes: () => residents.bytes,
    lastLoad: () => residents.lastLoad,
    find: (fingerprint) => opened.find(fingerprint),
    of: (reference) => opened.of(reference),
    restore: (trunk) => restoreTrunk(trunk, installed, options.places?.added),
    named: (reference, modality) => opened.named(reference, modality),
    async load() {
      await Promise.all(defaults.map((encoder) => encoder.load()));
    },
    list: () => opened.list(),
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
