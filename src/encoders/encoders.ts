import path from 'node:path';
import type { Modality } from '../modalities/modality.ts';
import { type EngineEvents, EnginePool } from '../runtime/engine-pool.ts';
import type { Provider } from '../runtime/protocol.ts';
import { chooseProvider, type ProviderChoice } from '../runtime/provider.ts';
import { type ImageEncoder, loadImageEncoder, loadTextEncoder, type TextEncoder } from './encoder.ts';

export interface Encoders {
  image: ImageEncoder;
  text: TextEncoder;
  provider: ProviderChoice;
  /** Engines that work side by side. */
  engines: number;
  fingerprints: Record<Modality, string>;
  close(): Promise<void>;
}

export interface EncoderOptions {
  /** Folder that holds the encoders' folders. */
  models: string;
  image: string;
  text: string;
  provider: Provider | 'auto';
  /** Threads that compute, shared out among the engines. */
  threads: number;
  /** Engines that work side by side, each with both encoders; see {@link defaultEngines}. */
  engines: number | 'auto';
}

/** More engines than this gain little and cost some 150 MB each. */
const mostEngines = 8;

/**
 * How many engines work side by side unless said: on the CPU one a thread, because two batches on a thread each
 * are done sooner than one after the other on two, and with very many threads as many as share them evenly; on a GPU one.
 */
export function defaultEngines(provider: Provider, threads: number): number {
  if (provider === 'cuda') return 1;
  const threadsOfEach = Math.ceil(threads / mostEngines);
  return Math.floor(threads / threadsOfEach);
}

/**
 * The provider that encoders run on here: CUDA where the image encoder works on it.
 * @throws TandemError `invalid-configuration` where the requested provider doesn't work
 */
export function chooseEncoderProvider({
  models,
  image,
  provider,
}: Pick<EncoderOptions, 'models' | 'image' | 'provider'>): Promise<ProviderChoice> {
  return chooseProvider(provider, async (engine) => {
    const encoder = await loadImageEncoder(engine, path.join(models, image));
    await encoder.encode([new Uint8Array(encoder.costOf(new Uint8Array()) * 3)]);
  });
}

/**
 * Loads the image and the text encoder on every engine.
 * @param events told of what becomes of the engines
 * @throws TandemError `damaged-artifact`; `invalid-configuration` where the requested provider doesn't work
 */
export async function loadEncoders(
  { models, image, text, provider, threads, engines }: EncoderOptions,
  events: EngineEvents = {},
): Promise<Encoders> {
  const choice = await chooseEncoderProvider({ models, image, provider });
  const count = engines === 'auto' ? defaultEngines(choice.provider, threads) : engines;
  const pool = EnginePool.start({
    engines: count,
    provider: choice.provider,
    threads: Math.max(1, Math.floor(threads / count)),
    ...events,
  });
  try {
    const [imageEncoder, textEncoder] = await Promise.all([
      loadImageEncoder(pool, path.join(models, image)),
      loadTextEncoder(pool, path.join(models, text)),
    ]);
    const fingerprints = { image: imageEncoder.fingerprint, text: textEncoder.fingerprint };
    return {
      image: imageEncoder,
      text: textEncoder,
      provider: choice,
      engines: count,
      fingerprints,
      close: async () => {
        await Promise.all([pool.close(), textEncoder.close()]);
      },
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}
