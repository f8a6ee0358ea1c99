import { performance } from 'node:perf_hooks';
import pLimit from 'p-limit';
import pMap from 'p-map';
import type { Encoders } from '../encoders/encoders.ts';
import type { RememberedFeatures } from '../encoders/feature-memory.ts';
import type { ItemSource, SourcedFeatures } from '../encoders/feature-source.ts';
import { FeatureSources, type FeatureSourcesOptions } from '../encoders/feature-sources.ts';
import type { EncoderReference } from '../encoders/reference.ts';
import type { InferenceObserver } from '../encoders/telemetry.ts';
import { type ErrorCode, TandemError } from '../errors.ts';
import { itemAt, required, valueFor } from '../indexing.ts';
import type { Input } from '../modalities/modality.ts';
import {
  fittedModalities,
  nothingToClassify,
  type PretrainedName,
  pretrainedModalities,
} from '../modalities/registry.ts';
import type { SubmitOptions } from '../runtime/batcher.ts';
import { TimeSlice } from '../time-slice.ts';
import type { DecisionRule } from './accept.ts';
import { withCompanion } from './companions.ts';
import { decide } from './decision.ts';
import { Explainer } from './explain.ts';
import type { ExplainRequest } from './explanation.ts';
import { fittedFeatures } from './fitted.ts';
import type { Head } from './head.ts';
import { comparedFeatures, type ItemFeatures } from './item-features.ts';
import type { EmbeddedItem, Prediction, PredictionInput } from './prediction.ts';
import { predictionFrom } from './unimodal-prediction.ts';

interface PredictOptions extends SubmitOptions {
  topK: number;
  explain?: ExplainRequest;
  /** How answers are accepted; absent where nothing is decided. */
  rule?: DecisionRule;
}

/** Items of a call for embeddings that wait for their turn at a time, so that a small call needn't wait for a large one. */
const embeddedOfCall = 64;
/** Items of all calls for embeddings that are encoded or wait for it: enough for the batches, and room for others. */
const embeddedAtOnce = 128;

interface EncodedItem extends Omit<SourcedFeatures, 'features' | 'cost'> {
  input: PredictionInput;
  features: ItemFeatures;
}

/**
 * Answers requests: decodes and tokenizes, encodes in batches shared by all requests, and asks the head.
 * @example
 * const predictor = new Predictor(encoders, { memoryBytes: 2 ** 28 });
 * const [answer] = await predictor.predict(head, [{ content: { text: 'a red bike' } }], { topK: 3 });
 */
export class Predictor {
  /** Of all encoders: what they tell of themselves, and what checks that they answer. */
  readonly sources: FeatureSources;
  readonly #observer: InferenceObserver;
  readonly #embedding = pLimit(embeddedAtOnce);
  readonly #explainer: Explainer;

  constructor(encoders: Encoders, options: FeatureSourcesOptions = {}) {
    this.sources = new FeatureSources(encoders, options);
    this.#observer = options.observer ?? {};
    this.#explainer = new Explainer((encoder) => this.sources.opened(encoder));
  }

  /**
   * Features of items, as the encoders give them. However many there are, they wait for their turn.
   * @throws TandemError that names what is wrong with an item; the signal's reason where it aborts
   * @example const [{ features }] = await predictor.embed([{ modality: 'text', input: 'a red bike' }]); // 384 numbers
   */
  async embed(items: readonly EmbeddedItem[], signal?: AbortSignal): Promise<RememberedFeatures[]> {
    return this.#embed(items, (item, waiting) => this.sources.named(item, waiting), signal);
  }

  /**
   * The same, as the encoders of a head give them, with those of its blocks that are the head's own.
   * @throws TandemError as {@link embed}; `invalid-request` where the head takes no such items
   */
  async embedBy(
    head: Head,
    items: readonly EmbeddedItem[],
    signal?: AbortSignal,
  ): Promise<RememberedFeatures[]> {
    const { name, version, encoders } = head.manifest;
    const takenOf = ({ modality }: EmbeddedItem) => {
      const taken = encoders.find((encoder) => encoder.modality === modality);
      if (taken) return taken;
      throw new TandemError('invalid-request', `${name}@${version} takes no ${modality}`);
    };
    for (const item of items) takenOf(item);
    const given = await this.#embed(
      items,
      (item, waiting) => this.sources.of(takenOf(item), waiting),
      signal,
    );
    if (!isTuned(head)) return given;
    const answers = await head.classify(
      given.map(({ features }, index): ItemFeatures => ({ [itemAt(items, index).modality]: features })),
    );
    return given.map(({ features, cost }, index) => ({
      features: itemAt(answers, index).embeddings?.[itemAt(items, index).modality] ?? features,
      cost,
    }));
  }

  async #embed(
    items: readonly EmbeddedItem[],
    sourceOf: SourceOf,
    signal?: AbortSignal,
  ): Promise<RememberedFeatures[]> {
    const waiting = { signal, mayWait: true };
    const sources = await sourcesOf(items, sourceOf, waiting);
    const recalled = await this.#recall(items, sources, signal);
    const unknown = recalled.flatMap(({ key, known }, index) => (known ? [] : [{ key, index }]));
    const encoded = await pMap(
      unknown,
      ({ key, index }) => {
        const { input } = itemAt(items, index);
        return this.#embedding(async () => {
          signal?.throwIfAborted();
          return itemAt(sources, index).get(input, waiting, key);
        }).catch((error) => {
          throw itemError(error).at(`input[${index}]`);
        });
      },
      { concurrency: embeddedOfCall },
    );
    const others = encoded.values();
    return recalled.map(({ known }) => known ?? required(others.next().value, 'features of each item'));
  }

  /** What is remembered of items: they may be thousands, and take no turn of the event loop for themselves. */
  async #recall(items: readonly EmbeddedItem[], sources: readonly ItemSource[], signal?: AbortSignal) {
    const turns = new TimeSlice();
    const recalled: { key: string; known: RememberedFeatures | undefined }[] = [];
    for (const [index, { input }] of items.entries()) {
      signal?.throwIfAborted();
      const source = itemAt(sources, index);
      const key = source.keyOf(input);
      recalled.push({ key, known: source.recall(key) });
      await turns.share();
    }
    return recalled;
  }

  /**
   * Classifies items, each by itself: what is wrong with one is its own error, in its place.
   * @param options `explain`: what is asked of explanations of the answers
   * @throws TandemError `overloaded`, `invalid-request` (the label to explain); the signal's reason where it aborts
   */
  async predict(
    head: Head,
    inputs: readonly PredictionInput[],
    { topK, explain, rule, ...waiting }: PredictOptions,
  ): Promise<(Prediction | TandemError)[]> {
    if (explain) this.#explainer.admit(head.manifest, explain, waiting.mayWait);
    const encoded = await Promise.all(
      inputs.map((input) => this.#encode(head, input, waiting).catch(itemError)),
    );
    const good = encoded.filter((item): item is EncodedItem => !(item instanceof TandemError));
    if (good.length === 0) return encoded as TandemError[];
    waiting.signal?.throwIfAborted();
    const novelty = rule && (await head.novelty?.());
    const started = performance.now();
    const answering = head.classify(good.map(({ features }) => features));
    // Beside the head, which runs in another thread: what it has of features is found again afterwards.
    if (novelty && !isTuned(head)) for (const { features } of good) novelty.unlikeIn(features);
    const answers = await answering;
    const ended = performance.now();
    this.#observer.stage?.('head', ended - started);
    const predictions = good.map(({ features, decode, queue, encode }, index): Prediction => {
      const answer = itemAt(answers, index);
      return {
        ...predictionFrom(answer, head.manifest, topK),
        ...(rule &&
          decide(answer, head.manifest, rule, novelty?.unlikeIn(comparedFeatures(features, answer)) ?? [])),
        timings: { decode, queue, encode, head: ended - started },
      };
    });
    if (explain)
      await Promise.all(
        good.map(async (item, index) => {
          const answered = { ...item, answer: itemAt(answers, index) };
          const explanation = await this.#explainer.explain(head, answered, explain, waiting.signal);
          itemAt(predictions, index).explanation = explanation;
        }),
      );
    let answered = 0;
    return encoded.map((item) => (item instanceof TandemError ? item : itemAt(predictions, answered++)));
  }

  async #encode(head: Head, input: PredictionInput, waiting: SubmitOptions): Promise<EncodedItem> {
    const { content, features = {} } = input;
    const { encoders } = head.manifest;
    const fitted = content ? fittedFeatures(encoders, content) : {};
    const item: EncodedItem = { input, features: fitted, decode: 0, queue: 0, encode: 0 };
    const encoding: Promise<void>[] = [];
    let isUsed = Object.keys(fitted).length > 0;
    let isEmpty = !fittedModalities.some(({ name, isEmpty }) => {
      const given = content?.[name];
      return given !== undefined && !isEmpty(given);
    });
    for (const modality of pretrainedModalities) {
      const { name } = modality;
      const [input, known] = [content?.[name], features[name]];
      if (known === undefined && (input === undefined || modality.isEmpty(input))) continue;
      isEmpty = false;
      const taken = encoders.find((encoder) => encoder.modality === name);
      if (!taken) continue;
      isUsed = true;
      if (known || input === undefined) item.features[name] = known;
      else encoding.push(this.#encodeInto(head, item, { ...taken, modality: name }, input, waiting));
    }
    if (isEmpty) throw new TandemError('empty-request', nothingToClassify);
    if (!isUsed) {
      const { name, version } = head.manifest;
      const wanted = encoders.map(({ modality }) => modality).join(' and ');
      throw new TandemError('empty-request', `${name}@${version} was trained on ${wanted} alone`);
    }
    await Promise.all(encoding);
    return item;
  }

  /** Adds features to an item. Modalities are encoded at the same time: of each part the slower one counts. */
  async #encodeInto(
    { companions }: Head,
    item: EncodedItem,
    taken: EncoderReference & { modality: PretrainedName },
    input: Input,
    waiting: SubmitOptions,
  ): Promise<void> {
    const { modality } = taken;
    const source = await this.sources.of(taken, waiting);
    const { features, decode, queue, encode } = await source.get(input, waiting);
    item.features[modality] = await withCompanion(companions, modality, input, features);
    item.decode = Math.max(item.decode, decode);
    item.queue = Math.max(item.queue, queue);
    item.encode = Math.max(item.encode, encode);
  }
}

/** What encodes an item. */
type SourceOf = (item: EmbeddedItem, waiting: SubmitOptions) => Promise<ItemSource>;

/** The source of each item. */
async function sourcesOf(
  items: readonly EmbeddedItem[],
  sourceOf: SourceOf,
  waiting: SubmitOptions,
): Promise<ItemSource[]> {
  const keyOf = ({ modality, encoder = '' }: EmbeddedItem) => `${modality} ${encoder}`;
  const sources = new Map<string, ItemSource>();
  for (const item of items) {
    const key = keyOf(item);
    if (!sources.has(key)) sources.set(key, await sourceOf(item, waiting));
  }
  return items.map((item) => valueFor(sources, keyOf(item)));
}

/** Whether a head begins inside an encoder. */
function isTuned({ manifest }: Head): boolean {
  return manifest.encoders.some(({ embeddingDimension }) => embeddingDimension !== undefined);
}

/** What concerns everything that was asked, whichever item met it. */
const ofTheRequest: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'deadline-exceeded',
  'out-of-memory',
  'head-conflict',
  'damaged-artifact',
  'unknown-encoder',
]);

/** An item's own fault stays with the item; anything else is the whole request's. */
function itemError(error: unknown): TandemError {
  if (error instanceof TandemError && !ofTheRequest.has(error.code)) return error;
  throw error;
}
