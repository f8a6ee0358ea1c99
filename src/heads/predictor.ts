import { performance } from 'node:perf_hooks';
import pLimit from 'p-limit';
import pMap from 'p-map';
import type { Encoders } from '../encoders/encoders.ts';
import { FeatureMemory, type RememberedFeatures } from '../encoders/feature-memory.ts';
import { FeatureSource, type SourcedFeatures } from '../encoders/feature-source.ts';
import type { InferenceObserver } from '../encoders/telemetry.ts';
import { type ErrorCode, TandemError } from '../errors.ts';
import { itemAt, required } from '../indexing.ts';
import type { Input } from '../modalities/modality.ts';
import {
  byPretrained,
  fittedModalities,
  type ModalityName,
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
import type { ItemFeatures } from './item-features.ts';
import type { EmbeddedItem, Prediction, PredictionInput } from './prediction.ts';
import { predictionFrom } from './unimodal-prediction.ts';

export interface PredictorOptions {
  /** The most that a batch of each modality costs, in its unit; what suits the provider where it says `auto` or nothing. */
  budgets?: Partial<Record<PretrainedName, number | 'auto'>>;
  /** Items of each modality that may wait for their encoder; default: 512. */
  maximumQueue?: number;
  /** Milliseconds that an item waits for company; default: 0. */
  maximumWait?: number;
  /** Bytes of features that are remembered; default: 0. */
  memoryBytes?: number;
  observer?: InferenceObserver;
}

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
  /** The most that a batch of each modality costs, in its unit. */
  readonly budgets: Readonly<Record<PretrainedName, number>>;
  readonly #sources: Readonly<Record<PretrainedName, FeatureSource>>;
  readonly #memory: FeatureMemory;
  readonly #observer: InferenceObserver;
  readonly #embedding = pLimit(embeddedAtOnce);
  readonly #explainer: Explainer;

  constructor(
    encoders: Encoders,
    { budgets, maximumQueue = 512, maximumWait = 0, memoryBytes = 0, observer = {} }: PredictorOptions = {},
  ) {
    const { provider } = encoders.provider;
    this.budgets = byPretrained(({ name, budgets: usual }) => {
      const asked = budgets?.[name] ?? 'auto';
      return encoders.byModality[name].fitBudget(asked === 'auto' ? usual[provider] : asked);
    });
    this.#memory = new FeatureMemory(memoryBytes);
    this.#observer = observer;
    const options = { maximumQueue, maximumWait, memory: this.#memory, observer };
    this.#sources = byPretrained(
      ({ name }) => new FeatureSource(encoders.byModality[name], { ...options, budget: this.budgets[name] }),
    );
    this.#explainer = new Explainer(this.#sources);
  }

  /** When each encoder last answered a batch, on the clock of `performance.now()`. */
  get lastBatch(): Record<PretrainedName, number> {
    return byPretrained(({ name }) => this.#sources[name].lastBatch);
  }

  /** Items of each modality that wait for their encoder. */
  get waiting(): Record<PretrainedName, number> {
    return byPretrained(({ name }) => this.#sources[name].waiting);
  }

  /** Bytes of features that are remembered. */
  get rememberedBytes(): number {
    return this.#memory.bytes;
  }

  /**
   * Runs every encoder on something trivial: the first time it warms them up, and later it proves that they work. It
   * goes before everything that waits, and waits itself for the batches that run and no more.
   * @throws whatever an encoder throws; the signal's reason where it aborts
   */
  async check(signal?: AbortSignal): Promise<void> {
    await Promise.all(
      pretrainedModalities.map(({ name, probe }) =>
        this.#sources[name].encode(probe, { signal, urgent: true }),
      ),
    );
  }

  /**
   * Features of items, as the encoders give them. However many there are, they wait for their turn.
   * @throws TandemError that names what is wrong with an item; the signal's reason where it aborts
   * @example const [{ features }] = await predictor.embed([{ modality: 'text', input: 'a red bike' }]); // 384 numbers
   */
  async embed(items: readonly EmbeddedItem[], signal?: AbortSignal): Promise<RememberedFeatures[]> {
    const waiting = { signal, mayWait: true };
    const recalled = await this.#recall(items, signal);
    const unknown = recalled.flatMap(({ key, known }, index) => (known ? [] : [{ key, index }]));
    const encoded = await pMap(
      unknown,
      ({ key, index }) => {
        const { modality, input } = itemAt(items, index);
        return this.#embedding(async () => {
          signal?.throwIfAborted();
          return this.#sources[modality].get(input, waiting, key);
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
  async #recall(items: readonly EmbeddedItem[], signal?: AbortSignal) {
    const turns = new TimeSlice();
    const recalled: { key: string; known: RememberedFeatures | undefined }[] = [];
    for (const { modality, input } of items) {
      signal?.throwIfAborted();
      const key = this.#sources[modality].keyOf(input);
      recalled.push({ key, known: this.#sources[modality].recall(key) });
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
    // Beside the head, which runs in another thread.
    const unlike = good.map(({ features }) => novelty?.unlikeIn(features) ?? []);
    const answers = await answering;
    const ended = performance.now();
    this.#observer.stage?.('head', ended - started);
    const predictions = good.map(({ decode, queue, encode }, index): Prediction => {
      const answer = itemAt(answers, index);
      return {
        ...predictionFrom(answer, head.manifest, topK),
        ...(rule && decide(answer, head.manifest, rule, itemAt(unlike, index))),
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
      if (!isTaken(encoders, name)) continue;
      isUsed = true;
      if (known || input === undefined) item.features[name] = known;
      else encoding.push(this.#source(head, item, name, input, waiting));
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
  async #source(
    { companions }: Head,
    item: EncodedItem,
    modality: PretrainedName,
    input: Input,
    waiting: SubmitOptions,
  ): Promise<void> {
    const { features, decode, queue, encode } = await this.#sources[modality].get(input, waiting);
    item.features[modality] = withCompanion(companions, modality, input, features);
    item.decode = Math.max(item.decode, decode);
    item.queue = Math.max(item.queue, queue);
    item.encode = Math.max(item.encode, encode);
  }
}

function isTaken(encoders: Head['manifest']['encoders'], name: ModalityName): boolean {
  for (const { modality } of encoders) if (modality === name) return true;
  return false;
}

/** What concerns everything that was asked, whichever item met it. */
const ofTheRequest: ReadonlySet<ErrorCode> = new Set(['overloaded', 'deadline-exceeded', 'out-of-memory']);

/** An item's own fault stays with the item; anything else is the whole request's. */
function itemError(error: unknown): TandemError {
  if (error instanceof TandemError && !ofTheRequest.has(error.code)) return error;
  throw error;
}
