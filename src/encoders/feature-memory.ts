import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Features of an item, and what it cost in a batch, in its modality's unit. */
export interface RememberedFeatures {
  features: Float32Array;
  cost: number;
}

/** What an entry weighs beside its features: its key, and the cache's own records of it. */
const overheadBytes = 256;

/**
 * Features of what was asked before, by encoder and content, up to so many bytes; what was not asked for longest goes
 * first. An encoder never answers the same bytes differently, so nothing in it ever grows stale.
 * @example
 * const memory = new FeatureMemory(256 * 2 ** 20);
 * const key = memory.key(encoder.cacheKey, image);
 * memory.set(key, { features, cost: tokens.length });
 */
export class FeatureMemory {
  readonly #cache: LRUCache<string, RememberedFeatures> | undefined;

  /** @param maximumBytes 0 remembers nothing */
  constructor(maximumBytes: number) {
    if (maximumBytes === 0) return;
    this.#cache = new LRUCache({
      maxSize: maximumBytes,
      sizeCalculation: ({ features }) => features.byteLength + overheadBytes,
    });
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#cache?.calculatedSize ?? 0;
  }

  /** @param encoder its cache key */
  key(encoder: string, content: Uint8Array | string): string {
    return this.#cache ? `${encoder} ${hash('sha256', content)}` : '';
  }

  has(key: string): boolean {
    return this.#cache?.has(key) ?? false;
  }

  get(key: string): RememberedFeatures | undefined {
    return this.#cache?.get(key);
  }

  /** The features are copied: a row of a batch would keep the whole batch alive. */
  set(key: string, { features, cost }: RememberedFeatures): void {
    this.#cache?.set(key, { features: features.slice(), cost });
  }
}
