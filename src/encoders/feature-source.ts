import { performance } from 'node:perf_hooks';
import type { Input, Omission, OmissionOptions } from '../modalities/modality.ts';
import { pretrainedOf } from '../modalities/registry.ts';
import { Batcher, type SubmitOptions } from '../runtime/batcher.ts';
import type { FeatureMemory, RememberedFeatures } from './feature-memory.ts';
import type { PooledEncoder } from './pooled-encoder.ts';
import type { InferenceObserver } from './telemetry.ts';

export interface FeatureSourceOptions {
  /** What a batch may cost, in the encoder's own measure. */
  budget: number;
  maximumQueue: number;
  /** Milliseconds that an item waits for company. */
  maximumWait: number;
  memory: FeatureMemory;
  observer: InferenceObserver;
}

/** Features of an item, and the milliseconds that it took to come by them; all 0 where they were remembered. */
export interface SourcedFeatures extends RememberedFeatures {
  decode: number;
  queue: number;
  encode: number;
}

/** Features of a modality's items, of one encoder or several. */
export interface ItemSource {
  /** Of each encoder, in the order of their features. */
  readonly parts: readonly FeatureSource[];
  /** What an item is remembered by. */
  keyOf(input: Input): string;
  /** What is remembered by a key; undefined where nothing is. */
  recall(key: string): RememberedFeatures | undefined;
  /**
   * @param key see `keyOf`
   * @throws TandemError that names what is wrong with the item; `overloaded`; the signal's reason where it aborts
   */
  get(input: Input, options?: SubmitOptions, key?: string): Promise<SourcedFeatures>;
}

/**
 * From the bytes of an image, or a text, to features: remembered ones, or prepared and encoded in a batch that all
 * requests share.
 * @example
 * const source = new FeatureSource(encoders.byModality.text[0], options);
 * const { features } = await source.get('a red bike', { signal });
 */
export class FeatureSource implements ItemSource {
  readonly parts = [this];
  readonly #encoder: PooledEncoder;
  readonly #options: FeatureSourceOptions;
  readonly #stage: string;
  readonly #batcher: Batcher<unknown, Float32Array>;
  /** Items that are decoded or tokenized, or wait for that, and may be refused. */
  #preparing = 0;
  #lastBatch = Number.NEGATIVE_INFINITY;

  /** @param encoder that was loaded before */
  constructor(encoder: PooledEncoder, options: FeatureSourceOptions) {
    this.#encoder = encoder;
    this.#options = options;
    this.#stage = pretrainedOf(encoder.modality).stage;
    this.#batcher = new Batcher({
      ...options,
      run: (take) => encoder.encode(take),
      costOf: (prepared) => encoder.paddedCostOf(prepared),
      overhead: encoder.overhead,
      onBatch: ({ items }) => {
        this.#lastBatch = performance.now();
        options.observer.batch?.(encoder, items);
      },
    });
  }

  /** When a batch was last answered, on the clock of `performance.now()`. */
  get lastBatch(): number {
    return this.#lastBatch;
  }

  /** Items that wait for their batch. */
  get waiting(): number {
    return this.#batcher.waiting;
  }

  keyOf(input: Input): string {
    return this.#options.memory.key(this.#encoder.cacheKey, input);
  }

  /** Whether something is remembered by a key, which is not counted as a lookup. */
  remembers(key: string): boolean {
    return this.#options.memory.has(key);
  }

  recall(key: string): RememberedFeatures | undefined {
    const { memory, observer } = this.#options;
    const known = memory.get(key);
    if (known) observer.lookup?.(this.#encoder, true);
    return known;
  }

  async get(input: Input, options?: SubmitOptions, key = this.keyOf(input)): Promise<SourcedFeatures> {
    const { memory, observer } = this.#options;
    const known = this.recall(key);
    if (known) return { ...known, decode: 0, queue: 0, encode: 0 };
    observer.lookup?.(this.#encoder, false);
    const encoded = await this.encode(input, options);
    memory.set(key, encoded);
    return encoded;
  }

  /** Features of an item, whatever is remembered. @throws as {@link get} */
  async encode(input: Input, options: SubmitOptions = {}): Promise<SourcedFeatures> {
    const endPreparing = this.#beginPreparing(options);
    try {
      return await this.keepLoaded(async () => {
        const started = performance.now();
        const prepared = await this.#encoder.prepare(input, options);
        endPreparing();
        const decode = performance.now() - started;
        this.#options.observer.stage?.(this.#stage, decode);
        return { ...(await this.encodePrepared(prepared, options)), decode };
      }, options.signal);
    } finally {
      endPreparing();
    }
  }

  /** Works with the encoder, and keeps it loaded that long. */
  keepLoaded<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    return this.#encoder.keepLoaded(work, signal);
  }

  /**
   * The parts of an item, and what {@link encodePrepared} takes without each; none where its modality has no parts.
   * @throws as {@link encode}
   */
  async omit(input: Input, options: OmissionOptions): Promise<Omission[]> {
    return (await this.#encoder.omit?.(input, options)) ?? [];
  }

  /** Features of what was prepared, which is released. */
  async encodePrepared(
    prepared: unknown,
    options: SubmitOptions = {},
  ): Promise<Omit<SourcedFeatures, 'decode'>> {
    const { observer } = this.#options;
    const { result, queued, ran } = await this.#batcher.submit(prepared, options);
    observer.stage?.('queue', queued);
    observer.stage?.('encode', ran);
    const cost = this.#encoder.costOf(prepared);
    this.#encoder.release?.(prepared);
    return { features: result, cost, queue: queued, encode: ran };
  }

  /**
   * Counts an item that is prepared, or waits for that, or for the encoder to be loaded.
   * @returns what ends it, however often it is called
   * @throws TandemError `overloaded`
   */
  #beginPreparing(options: SubmitOptions): () => void {
    this.#batcher.admit(options, this.#preparing);
    let counted = Number(!options.mayWait);
    this.#preparing += counted;
    return () => {
      this.#preparing -= counted;
      counted = 0;
    };
  }
}
