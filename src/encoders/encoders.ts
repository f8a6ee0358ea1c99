import { itemAt } from '../indexing.ts';
import { batchShapes } from '../modalities/batch-shapes.ts';
import {
  byPretrained,
  type PretrainedName,
  pretrainedModalities,
  pretrainedOf,
} from '../modalities/registry.ts';
import { type EngineEvents, EnginePool } from '../runtime/engine-pool.ts';
import type { Provider } from '../runtime/protocol.ts';
import { chooseProvider, type ProviderChoice } from '../runtime/provider.ts';
import { type Encoder, loadEncoder } from './encoder.ts';

export interface Encoders {
  readonly byModality: Readonly<Record<PretrainedName, Encoder>>;
  provider: ProviderChoice;
  /** Engines that work side by side. */
  engines: number;
  fingerprints: Record<PretrainedName, string>;
  close(): Promise<void>;
}

export interface EncoderOptions {
  /** The folder of each modality's encoder. */
  encoders: Readonly<Record<PretrainedName, string>>;
  provider: Provider | 'auto';
  /** Threads that compute, shared out among the engines. */
  threads: number;
  /** Engines that work side by side, each with both encoders; see {@link defaultEngines}. */
  engines: number | 'auto';
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
    const encoder = await loadEncoder(engine, name, encoders[name]);
    await encoder.encode([await encoder.prepare(probe)]).finally(() => encoder.close());
  });
}

/**
 * Loads every modality's encoder on every engine.
 * @param events told of what becomes of the engines
 * @throws TandemError `damaged-artifact`; `invalid-configuration` where the requested provider doesn't work
 */
export async function loadEncoders(
  { encoders, provider, threads, engines }: EncoderOptions,
  events: EngineEvents = {},
): Promise<Encoders> {
  const choice = await chooseEncoderProvider({ encoders, provider });
  const count = engines === 'auto' ? defaultEngines(choice.provider, threads) : engines;
  const pool = EnginePool.start({
    engines: count,
    provider: choice.provider,
    threads: Math.max(1, Math.floor(threads / count)),
    ...events,
  });
  try {
    const loaded = await loadAll(pool, encoders);
    if (choice.provider === 'cuda') await Promise.all(Object.values(loaded).map(meetEveryShape));
    return {
      byModality: loaded,
      provider: choice,
      engines: count,
      fingerprints: byPretrained(({ name }) => loaded[name].fingerprint),
      close: async () => {
        await Promise.all([pool.close(), ...Object.values(loaded).map((encoder) => encoder.close())]);
      },
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Items of the largest batch that is met at the start. */
const largestMet = 64;

/** A GPU plans for a shape when it meets it first, which takes about a second where the encoder convolves. */
async function meetEveryShape(encoder: Encoder): Promise<void> {
  const prepared = await encoder.prepare(pretrainedOf(encoder.modality).probe);
  const counts = new Set(Array.from({ length: largestMet }, (_, index) => batchShapes.cuda.rows(index + 1)));
  for (const items of counts) await encoder.encode(Array.from({ length: items }, () => prepared));
}

async function loadAll(
  pool: EnginePool,
  encoders: EncoderOptions['encoders'],
): Promise<Record<PretrainedName, Encoder>> {
  const loaded = await Promise.all(
    pretrainedModalities.map(({ name }) => loadEncoder(pool, name, encoders[name])),
  );
  return byPretrained((_, index) => itemAt(loaded, index));
}
