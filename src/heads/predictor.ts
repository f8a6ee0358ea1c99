import { performance } from 'node:perf_hooks';
import pLimit from 'p-limit';
import pMap from 'p-map';
import type { Encoders } from '../encoders/encoders.ts';
import { FeatureMemory, type RememberedFeatures } from '../encoders/feature-memory.ts';
import { FeatureSource, type SourcedFeatures } from '../encoders/feature-source.ts';
import type { InferenceObserver } from '../encoders/telemetry.ts';
import { type ErrorCode, TandemError } from '../errors.ts';
import { type Modality, modalities } from '../modalities/modality.ts';
import type { SubmitOptions } from '../runtime/batcher.ts';
import type { Head, ItemFeatures } from './head.ts';
import type { Prediction, PredictionInput } from './prediction.ts';
import { opinionOf } from './unimodal-prediction.ts';

export interface PredictorOptions {
  /** Most pixels and tokens of a batch; what suits the provider where it says `auto` or nothing. */
  budgets?: Partial<Record<Modality, number | 'auto'>>;
  /** Items of each modality that may wait for their encoder; 512 unless said. */
  maximumQueue?: number;
  /** Milliseconds that an item waits for company; 0 unless said. */
  maximumWait?: number;
  /** Bytes of features that are remembered; 0 unless said. */
  memoryBytes?: number;
  observer?: InferenceObserver;
}

/** The smallest picture that an encoder takes: black, 2 by 2 pixels, PNG. */
const blackPicture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAMAAABFaP0WAAAAA1BMVEUAAACnej3aAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAC0lEQVQImWNgAAEAAAYAAeaH/n8AAAAASUVORK5CYII=',
  'base64',
);

/**
 * Pixels and tokens of a batch. On a CPU more than a few pictures at once leave its caches and cost more each; a GPU
 * is filled by many.
 */
const usualBudgets = {
  cpu: { image: 4 * 224 ** 2, text: 512 },
  cuda: { image: 64 * 224 ** 2, text: 16_384 },
} as const;

/** Items of a call for embeddings that wait for their turn at a time, so that a small call needn't wait for a large one. */
const embeddedOfCall = 64;
/** Items of all calls for embeddings that are encoded or wait for it: enough for the batches, and room for others. */
const embeddedAtOnce = 128;

interface EncodedItem extends Omit<SourcedFeatures, 'features' | 'cost'> {
  features: ItemFeatures;
}

/**
 * Answers requests: decodes and tokenizes, encodes in batches shared by all requests, and asks the head.
 * @example
 * const predictor = new Predictor(encoders, { memoryBytes: 2 ** 28 });
 * const [answer] = await predictor.predict(head, [{ text: 'a red bike' }], { topK: 3 });
 */
export class Predictor {
  /** Most pixels and tokens of a batch. */
  readonly budgets: Readonly<Record<Modality, number>>;
  readonly #images: FeatureSource<Uint8Array | string, Uint8Array>;
  readonly #texts: FeatureSource<string, number[]>;
  readonly #memory: FeatureMemory;
  readonly #observer: InferenceObserver;
  readonly #embedding = pLimit(embeddedAtOnce);

  constructor(
    encoders: Encoders,
    { budgets, maximumQueue = 512, maximumWait = 0, memoryBytes = 0, observer = {} }: PredictorOptions = {},
  ) {
    const usual = usualBudgets[encoders.provider.provider];
    const budgetOf = (modality: Modality) => {
      const asked = budgets?.[modality] ?? 'auto';
      return encoders[modality].fitBudget(asked === 'auto' ? usual[modality] : asked);
    };
    this.budgets = { image: budgetOf('image'), text: budgetOf('text') };
    this.#memory = new FeatureMemory(memoryBytes);
    this.#observer = observer;
    const options = { maximumQueue, maximumWait, memory: this.#memory, observer };
    this.#images = new FeatureSource(encoders.image, { ...options, budget: this.budgets.image });
    this.#texts = new FeatureSource(encoders.text, { ...options, budget: this.budgets.text });
  }

  /** When each encoder last answered a batch, on the clock of `performance.now()`. */
  get lastBatch(): Record<Modality, number> {
    return { image: this.#images.lastBatch, text: this.#texts.lastBatch };
  }

  /** Items of each modality that wait for their encoder. */
  get waiting(): Record<Modality, number> {
    return { image: this.#images.waiting, text: this.#texts.waiting };
  }

  /** Bytes of features that are remembered. */
  get rememberedBytes(): number {
    return this.#memory.bytes;
  }

  /**
   * Runs both encoders on something trivial: the first time it warms them up, and later it proves that they work. It
   * goes before everything that waits, and waits itself for the batches that run and no more.
   * @throws whatever an encoder throws; the signal's reason where it aborts
   */
  async check(signal?: AbortSignal): Promise<void> {
    await Promise.all([
      this.#images.encode(blackPicture, { signal, urgent: true }),
      this.#texts.encode('ready?', { signal, urgent: true }),
    ]);
  }

  /**
   * Features of pictures or of texts, as the encoders give them. However many there are, they wait for their turn.
   * @throws TandemError that names what is wrong with an item; the signal's reason where it aborts
   * @example const [{ features }] = await predictor.embed([{ text: 'a red bike' }]); // 384 numbers
   */
  async embed(
    inputs: readonly ({ image: Uint8Array } | { text: string })[],
    signal?: AbortSignal,
  ): Promise<RememberedFeatures[]> {
    const waiting = { signal, mayWait: true };
    const embedOne = (input: (typeof inputs)[number]) =>
      'image' in input ? this.#images.get(input.image, waiting) : this.#texts.get(input.text, waiting);
    return pMap(
      inputs,
      (input, index) =>
        this.#embedding(async () => {
          signal?.throwIfAborted();
          return embedOne(input);
        }).catch((error) => {
          throw itemError(error).at(`input[${index}]`);
        }),
      { concurrency: embeddedOfCall },
    );
  }

  /**
   * Classifies items, each by itself: what is wrong with one is its own error, in its place.
   * @throws TandemError `overloaded`; the signal's reason where it aborts
   */
  async predict(
    head: Head,
    inputs: readonly PredictionInput[],
    { topK, ...waiting }: { topK: number } & SubmitOptions,
  ): Promise<(Prediction | TandemError)[]> {
    const encoded = await Promise.all(
      inputs.map((input) => this.#encode(head, input, waiting).catch(itemError)),
    );
    const good = encoded.filter((item): item is EncodedItem => !(item instanceof TandemError));
    if (good.length === 0) return encoded as TandemError[];
    waiting.signal?.throwIfAborted();
    const started = performance.now();
    const answers = await head.classify(good.map(({ features }) => features));
    const ended = performance.now();
    this.#observer.stage?.('head', ended - started);
    const predictions = good.map(({ decode, queue, encode }, index): Prediction => {
      const { fused, unimodal } = answers[index];
      const restingOn = Object.keys(unimodal) as Modality[];
      return {
        ...opinionOf(fused, head.manifest, { restingOn, topK }),
        modalities: restingOn,
        unimodal: Object.fromEntries(
          restingOn.map((modality) => [
            modality,
            opinionOf(unimodal[modality]!, head.manifest, { restingOn: [modality], topK }),
          ]),
        ),
        timings: { decode, queue, encode, head: ended - started },
      };
    });
    return encoded.map((item) => (item instanceof TandemError ? item : predictions.shift()!));
  }

  async #encode(
    head: Head,
    { image, text = '', features = {} }: PredictionInput,
    waiting: SubmitOptions,
  ): Promise<EncodedItem> {
    const wanted = new Set(head.manifest.encoders.map(({ modality }) => modality));
    const brings = { image: image !== undefined, text: text.trim() !== '' };
    const present = modalities.filter((modality) => brings[modality] || features[modality]);
    if (present.length === 0) throw new TandemError('empty-request', 'it has neither image nor text');
    if (!present.some((modality) => wanted.has(modality))) {
      const { name, version } = head.manifest;
      throw new TandemError(
        'empty-request',
        `${name}@${version} was trained on ${[...wanted].join(' and ')} alone`,
      );
    }
    const encodes = (modality: Modality) => wanted.has(modality) && brings[modality] && !features[modality];
    const [ofImage, ofText] = await Promise.all([
      encodes('image') ? this.#images.get(image!, waiting) : undefined,
      encodes('text') ? this.#texts.get(text, waiting) : undefined,
    ]);
    const slower = (part: 'decode' | 'queue' | 'encode') =>
      Math.max(ofImage?.[part] ?? 0, ofText?.[part] ?? 0);
    return {
      features: {
        image: features.image ?? ofImage?.features,
        text: features.text ?? ofText?.features,
      },
      decode: slower('decode'),
      queue: slower('queue'),
      encode: slower('encode'),
    };
  }
}

/** What concerns everything that was asked, whichever item met it. */
const ofTheRequest: ReadonlySet<ErrorCode> = new Set(['overloaded', 'deadline-exceeded', 'out-of-memory']);

/** An item's own fault stays with the item; anything else is the whole request's. */
function itemError(error: unknown): TandemError {
  if (error instanceof TandemError && !ofTheRequest.has(error.code)) return error;
  throw error;
}
