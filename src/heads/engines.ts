import { TandemError } from '../errors.ts';
import { Engine, EngineEnded, EngineTimeout } from '../runtime/engine.ts';
import { type EngineEvents, EnginePool, type ModelLoader } from '../runtime/engine-pool.ts';
import type { Provider } from '../runtime/protocol.ts';
import type { HeadFolder } from './registry/head-reading.ts';

export interface HeadEnginesOptions extends EngineEvents {
  provider: Provider;
  /** Milliseconds that an imported head may take for one run, or to load, before its engine is killed. */
  timeout: number;
}

/**
 * What heads run on. Those that were trained here, or ship with the program, run in a thread: features move to it without
 * a copy. Imported ones run in a process, which is killed where one takes too long. Either starts when a head is first
 * loaded on it.
 * @example
 * await using engines = new HeadEngines({ provider: 'cpu', timeout: 5000 });
 * const head = await loadHead(engines.loaderOf(version), version, encoders);
 */
export class HeadEngines {
  readonly #options: HeadEnginesOptions;
  readonly #pools = new Map<'thread' | 'process', EnginePool>();
  #isClosed = false;

  constructor(options: HeadEnginesOptions) {
    this.#options = options;
  }

  /**
   * What loads a version, by where it comes from.
   * @throws EngineEnded where the engines are closed
   */
  loaderOf({ origin = 'imported' }: HeadFolder): ModelLoader {
    if (this.#isClosed) throw new EngineEnded('the engines are closed');
    const place = origin === 'imported' ? 'process' : 'thread';
    const pool = this.#pools.get(place) ?? this.#start(place);
    this.#pools.set(place, pool);
    return pool;
  }

  /** Ends the engines; see `EnginePool.close`. @throws EngineStuck */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start(place: 'thread' | 'process'): EnginePool {
    const { timeout, ...options } = this.#options;
    return EnginePool.start({
      engines: 1,
      threads: 1,
      // Heads may be a thousand, and any of them deleted by now.
      reload: 'when-run',
      ...options,
      ...(place === 'process' && { start: (engine) => Engine.startProcess(engine, { timeout }) }),
    });
  }
}

/**
 * Works with heads. Where an engine was killed over one, that is said as people meet it.
 * @param retryAfter seconds until it may be asked again
 * @throws TandemError `head-stopped`; whatever the work throws
 */
export async function sayingWhoStopped<Result>(
  work: () => Promise<Result>,
  retryAfter?: number,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof EngineTimeout ? headStopped(error.message, { retryAfter, cause: error }) : error;
  }
}

/** A head that took too long. */
export function headStopped(detail: string, options: { retryAfter?: number; cause?: unknown }): TandemError {
  return new TandemError('head-stopped', detail, options);
}
