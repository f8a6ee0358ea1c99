import { TandemError } from '../errors.ts';
import { itemAt, required } from '../indexing.ts';
import { byPretrained, type PretrainedName, pretrainedOf } from '../modalities/registry.ts';
import type { SubmitOptions } from '../runtime/batcher.ts';
import type { Encoders } from './encoders.ts';
import { FeatureMemory } from './feature-memory.ts';
import { FeatureSource, type FeatureSourceOptions, type ItemSource } from './feature-source.ts';
import { JoinedSource } from './joined-source.ts';
import type { PooledEncoder } from './pooled-encoder.ts';
import { type EncoderReference, encodersIn, joinReferences } from './reference.ts';
import type { InferenceObserver, NamedEncoder } from './telemetry.ts';

export interface FeatureSourcesOptions {
  /** The most that a batch of each modality costs, in its unit; what suits the provider where it says `auto` or nothing. */
  budgets?: Partial<Record<PretrainedName, number | 'auto'>>;
  /** Items that may wait for each encoder; default: 512. */
  maximumQueue?: number;
  /** Milliseconds that an item waits for company; default: 0. */
  maximumWait?: number;
  /** Bytes of features that are remembered; default: 0. */
  memoryBytes?: number;
  observer?: InferenceObserver;
}

interface Source {
  encoder: PooledEncoder;
  source: FeatureSource;
}

/**
 * The feature sources of all encoders: each has a queue and batches of its own, and all share what is remembered.
 * @example
 * const sources = new FeatureSources(encoders, { memoryBytes: 2 ** 28 });
 * const source = await sources.of(head.encoders[0]);
 * const { features } = await source.get('a red bike', { signal });
 */
export class FeatureSources {
  readonly #encoders: Encoders;
  readonly #asked: FeatureSourcesOptions['budgets'];
  readonly #options: Omit<FeatureSourceOptions, 'budget'>;
  /** By the encoder's fingerprint. */
  readonly #sources = new Map<string, Source>();
  /** Of several encoders, by their fingerprint. */
  readonly #joined = new Map<string, JoinedSource>();
  /** Calls that wait for an encoder to be loaded for the first time. */
  #opening = 0;

  constructor(
    encoders: Encoders,
    { budgets, maximumQueue = 512, maximumWait = 0, memoryBytes = 0, observer = {} }: FeatureSourcesOptions,
  ) {
    this.#encoders = encoders;
    this.#asked = budgets;
    this.#options = { maximumQueue, maximumWait, memory: new FeatureMemory(memoryBytes), observer };
  }

  /**
   * When each encoder that is loaded last answered a batch, by its modality and id, on the clock of `performance.now()`;
   * while one takes the place of another, and none is loaded, that of the one that answered last.
   */
  get lastBatch(): Record<string, number> {
    const times = this.#answering().map((encoder) => [
      `${encoder.modality} ${encoder.id}`,
      this.#lastBatchOf(encoder),
    ]);
    return Object.fromEntries(times);
  }

  /** When an encoder was last being loaded, on the clock of `performance.now()`: this moment while one is. */
  get lastLoad(): number {
    return this.#encoders.lastLoad();
  }

  /**
   * The most that a batch of each modality costs, in its unit, for the encoders of the settings, once they were loaded; of
   * several of a modality the largest.
   */
  get budgets(): Record<PretrainedName, number> {
    return byPretrained(({ name }) =>
      Math.max(...this.#encoders.byModality[name].map((encoder) => this.#budgetOf(encoder))),
    );
  }

  /** Items that wait for each encoder. */
  get waiting(): (NamedEncoder & { items: number })[] {
    return [...this.#sources.values()].map(({ encoder: { id, modality }, source }) => ({
      ...{ id, modality },
      items: source.waiting,
    }));
  }

  /** Bytes of features that are remembered. */
  get rememberedBytes(): number {
    return this.#options.memory.bytes;
  }

  /**
   * Runs every encoder that is loaded on something trivial, ahead of all that waits; where none is, the one that answered last.
   * @throws whatever an encoder throws; the signal's reason where it aborts
   */
  async check(signal?: AbortSignal): Promise<void> {
    await Promise.all(
      this.#answering().map(async (encoder) => {
        const source = await this.#open(encoder, { signal, mayWait: true });
        await source.encode(pretrainedOf(encoder.modality).probe, { signal, urgent: true });
      }),
    );
  }

  /** The source of what was asked for before. */
  opened({ fingerprint }: EncoderReference): ItemSource {
    return required(this.#known(fingerprint), 'the source of an encoder that was asked for');
  }

  /**
   * The source of the features that a head takes of a modality. Each of its encoders is loaded where it was never asked for.
   * @throws TandemError `head-conflict` where one is not installed; `overloaded` where too many wait for it; `damaged-artifact`
   */
  async of(reference: EncoderReference, waiting?: SubmitOptions): Promise<ItemSource> {
    const known = this.#known(reference.fingerprint);
    if (known) return known;
    const opening = encodersIn(reference).map(({ fingerprint }) => this.#ofOne(fingerprint, waiting));
    return this.#join(reference.fingerprint, await Promise.all(opening));
  }

  #known(fingerprint: string): ItemSource | undefined {
    return this.#sources.get(fingerprint)?.source ?? this.#joined.get(fingerprint);
  }

  #join(fingerprint: string, parts: readonly FeatureSource[]): ItemSource {
    if (parts.length === 1) return itemAt(parts, 0);
    const joined = this.#joined.get(fingerprint) ?? new JoinedSource(parts);
    this.#joined.set(fingerprint, joined);
    return joined;
  }

  async #ofOne(fingerprint: string, waiting?: SubmitOptions): Promise<FeatureSource> {
    const encoder = await this.#encoders.find(fingerprint);
    if (encoder) return this.#open(encoder, waiting);
    throw new TandemError('head-conflict', `the encoder ${fingerprint.slice(0, 12)} is not here any more`);
  }

  /**
   * The source of a modality's encoder: the one that is named, or that of the settings; of several, as `a+b`, of all.
   * @throws TandemError `unknown-encoder`; as {@link of}
   */
  async named(
    { modality, encoder }: { modality: PretrainedName; encoder?: string },
    waiting?: SubmitOptions,
  ): Promise<ItemSource> {
    const { byModality } = this.#encoders;
    const found =
      encoder === undefined ? byModality[modality] : await this.#encoders.named(encoder, modality);
    const parts = await Promise.all(found.map((one) => this.#open(one, waiting)));
    return this.#join(joinReferences(found).fingerprint, parts);
  }

  async #open(
    encoder: PooledEncoder,
    { signal, mayWait = false }: SubmitOptions = {},
  ): Promise<FeatureSource> {
    const { fingerprint, id } = encoder;
    const known = this.#sources.get(fingerprint);
    if (known) return known.source;
    if (!mayWait && this.#opening >= this.#options.maximumQueue)
      throw new TandemError('overloaded', `${this.#opening} items wait for ${id} to be loaded`, {
        retryAfter: 1,
      });
    this.#opening++;
    try {
      // What its batches cost is known once it was loaded.
      await encoder.keepLoaded(async () => {}, signal);
    } finally {
      this.#opening--;
    }
    return (this.#sources.get(fingerprint) ?? this.#add(encoder)).source;
  }

  #add(encoder: PooledEncoder): Source {
    const added = {
      encoder,
      source: new FeatureSource(encoder, { ...this.#options, budget: this.#budgetOf(encoder) }),
    };
    this.#sources.set(encoder.fingerprint, added);
    return added;
  }

  #budgetOf(encoder: PooledEncoder): number {
    const { modality } = encoder;
    const asked = this.#asked?.[modality] ?? 'auto';
    const { provider } = this.#encoders.provider;
    return encoder.fitBudget(asked === 'auto' ? pretrainedOf(modality).budgets[provider] : asked);
  }

  /** The encoders that are loaded; where none is, the one that answered last, or those that the settings name. */
  #answering(): PooledEncoder[] {
    const defaults = Object.values(this.#encoders.byModality).flat();
    const known = [...new Set([...defaults, ...[...this.#sources.values()].map(({ encoder }) => encoder)])];
    const loaded = known.filter(({ isLoaded }) => isLoaded);
    if (loaded.length > 0) return loaded;
    const latest = Math.max(...known.map((encoder) => this.#lastBatchOf(encoder)));
    return latest === Number.NEGATIVE_INFINITY
      ? defaults
      : known.filter((encoder) => this.#lastBatchOf(encoder) === latest);
  }

  #lastBatchOf({ fingerprint }: PooledEncoder): number {
    return this.#sources.get(fingerprint)?.source.lastBatch ?? Number.NEGATIVE_INFINITY;
  }
}
