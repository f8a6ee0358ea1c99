import { performance } from 'node:perf_hooks';
import { TandemError } from '../errors.ts';
import { Batcher } from './batcher.ts';
import type { Encoders } from './encoders.ts';
import type { Head, ItemFeatures } from './head.ts';
import { opinionOf } from './opinion.ts';
import type { Modality, Prediction, PredictionInput } from './prediction.ts';

export interface PredictorOptions {
  maximumBatch: number;
  /** Items of each modality that may wait for their encoder. */
  maximumQueue: number;
}

/** The smallest picture that an encoder takes: black, 2 by 2 pixels, PNG. */
const blackPicture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAMAAABFaP0WAAAAA1BMVEUAAACnej3aAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAC0lEQVQImWNgAAEAAAYAAeaH/n8AAAAASUVORK5CYII=',
  'base64',
);

interface EncodedItem {
  features: ItemFeatures;
  decode: number;
  queue: number;
  encode: number;
}

/**
 * Answers requests: decodes and tokenizes, encodes in batches shared by all requests, and asks the head.
 * @example
 * const predictor = new Predictor(encoders, { maximumBatch: 16, maximumQueue: 512 });
 * const [answer] = await predictor.predict(head, [{ text: 'a red bike' }], { topK: 3 });
 */
export class Predictor {
  readonly #encoders: Encoders;
  readonly #images: Batcher<Uint8Array, Float32Array>;
  readonly #texts: Batcher<number[], Float32Array>;
  #lastSuccess = Number.NEGATIVE_INFINITY;

  constructor(encoders: Encoders, options: PredictorOptions) {
    this.#encoders = encoders;
    this.#images = new Batcher({ ...options, run: (batch) => encoders.image.encode(batch) });
    this.#texts = new Batcher({ ...options, run: (batch) => encoders.text.encode(batch) });
  }

  /** When the last inference succeeded, on the clock of `performance.now()`. */
  get lastSuccess(): number {
    return this.#lastSuccess;
  }

  /**
   * Runs both encoders on something trivial: the first time it warms them up, and later it proves that they work.
   * @throws whatever an encoder throws; the signal's reason where it aborts
   */
  async check(signal?: AbortSignal): Promise<void> {
    const [pixels, tokens] = await Promise.all([
      this.#encoders.image.prepare(blackPicture),
      this.#encoders.text.prepare('ready?'),
    ]);
    await Promise.all([this.#images.submit(pixels, signal), this.#texts.submit(tokens, signal)]);
    this.#lastSuccess = performance.now();
  }

  /**
   * Classifies items, each by itself: what is wrong with one is its own error, in its place.
   * @throws TandemError `overloaded`; the signal's reason where it aborts
   */
  async predict(
    head: Head,
    inputs: readonly PredictionInput[],
    { topK, signal }: { topK: number; signal?: AbortSignal },
  ): Promise<(Prediction | TandemError)[]> {
    const encoded = await Promise.all(
      inputs.map((input) => this.#encode(head, input, signal).catch(itemError)),
    );
    const good = encoded.filter((item): item is EncodedItem => !(item instanceof TandemError));
    if (good.length === 0) return encoded as TandemError[];
    const started = performance.now();
    const answers = await head.classify(good.map(({ features }) => features));
    const ended = performance.now();
    this.#lastSuccess = ended;
    const predictions = good.map(({ decode, queue, encode }, index): Prediction => {
      const { fused, unimodal } = answers[index];
      return {
        ...opinionOf(fused, head.manifest, topK),
        modalities: Object.keys(unimodal) as Modality[],
        unimodal: Object.fromEntries(
          Object.entries(unimodal).map(([modality, answer]) => [
            modality,
            opinionOf(answer, head.manifest, topK),
          ]),
        ),
        timings: { decode, queue, encode, head: ended - started },
      };
    });
    return encoded.map((item) => (item instanceof TandemError ? item : predictions.shift()!));
  }

  async #encode(head: Head, { image, text }: PredictionInput, signal?: AbortSignal): Promise<EncodedItem> {
    const wanted = new Set(head.manifest.encoders.map(({ modality }) => modality));
    if (image === undefined && (text ?? '').trim() === '')
      throw new TandemError('empty-request', 'it has neither image nor text');
    const useImage = image !== undefined && wanted.has('image');
    const useText = text !== undefined && text.trim() !== '' && wanted.has('text');
    if (!useImage && !useText) {
      const { name, version } = head.manifest;
      throw new TandemError(
        'empty-request',
        `${name}@${version} was trained on ${[...wanted].join(' and ')} alone`,
      );
    }
    const started = performance.now();
    const [pixels, tokens] = await Promise.all([
      useImage ? this.#encoders.image.prepare(image) : undefined,
      useText ? this.#encoders.text.prepare(text) : undefined,
    ]);
    const decode = performance.now() - started;
    const [imageBatched, textBatched] = await Promise.all([
      pixels && this.#images.submit(pixels, signal),
      tokens && this.#texts.submit(tokens, signal),
    ]);
    return {
      features: { image: imageBatched?.result, text: textBatched?.result },
      decode,
      queue: Math.max(imageBatched?.queued ?? 0, textBatched?.queued ?? 0),
      encode: Math.max(imageBatched?.ran ?? 0, textBatched?.ran ?? 0),
    };
  }
}

/** An item's own fault stays with the item; anything else is the whole request's. */
function itemError(error: unknown): TandemError {
  if (error instanceof TandemError && error.code !== 'overloaded' && error.code !== 'deadline-exceeded')
    return error;
  throw error;
}
