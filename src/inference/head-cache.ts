import type { Engine } from '../runtime/engine.ts';
import { type Head, loadHead } from './head.ts';
import type { Modality } from './prediction.ts';

/**
 * Heads that were asked for, each loaded once. A registered version never changes, so what is loaded stays right.
 * @example const head = await cache.load('data/heads/pets/3');
 */
export class HeadCache {
  readonly #engine: Engine;
  readonly #fingerprints: Readonly<Record<Modality, string>>;
  readonly #heads = new Map<string, Promise<Head>>();

  /** @param fingerprints of the encoders that feed the heads */
  constructor(engine: Engine, fingerprints: Readonly<Record<Modality, string>>) {
    this.#engine = engine;
    this.#fingerprints = fingerprints;
  }

  /**
   * The head in a folder.
   * @throws TandemError `head-conflict`, `damaged-artifact`; a failed load is tried again the next time
   */
  load(folder: string): Promise<Head> {
    const known = this.#heads.get(folder);
    if (known) return known;
    const loading = loadHead(this.#engine, folder, this.#fingerprints);
    this.#heads.set(folder, loading);
    loading.catch(() => this.#heads.delete(folder));
    return loading;
  }
}
