import { performance } from 'node:perf_hooks';
import pLimit from 'p-limit';
import pMap from 'p-map';
import type { FeatureSource, ItemSource } from '../encoders/feature-source.ts';
import { joinFeatures } from '../encoders/join-features.ts';
import { encodersIn } from '../encoders/reference.ts';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';
import type { Input, OmissionOptions } from '../modalities/modality.ts';
import { fittedOf, type GivenContent, isFitted, type ModalityName } from '../modalities/registry.ts';
import { quote, quoteSome } from '../quote.ts';
import { withCompanion } from './companions.ts';
import {
  type ExplainOptions,
  type ExplainRequest,
  type Explanation,
  explainedParts,
  type ModalityExplanation,
} from './explanation.ts';
import { encodeFitted, type FittedEncoder } from './fitted.ts';
import type { Head, ItemAnswer, ItemProbabilities } from './head.ts';
import { comparedFeatures, type ItemFeatures } from './item-features.ts';
import type { HeadManifest } from './manifest.ts';
import type { PredictionInput } from './prediction.ts';
import { predictionOf } from './unimodal-prediction.ts';

/** Explanations that are made at a time. */
const explainedAtOnce = 2;
/** Explanations that may wait for their turn; more are refused, but for those that may wait for as long as it takes. */
const mostWaiting = 16;
/** Items of all explanations that are prepared or wait in the background for their encoder. */
const encodedAtOnce = 4;
/** Seconds after which a refused explanation may be asked for again. */
const retryAfter = 5;

/** An item that was answered. */
export interface AnsweredItem {
  input: PredictionInput;
  features: ItemFeatures;
  answer: ItemAnswer;
}

/** A part of an item, and the features without it; without features nothing is left of the modality. */
interface Encoded {
  part: object;
  features?: Float32Array;
}

/** The same, with the item without the part, for a companion. */
interface EncodedPart extends Encoded {
  input: Input;
}

/** What two encoders make of an item without a part. */
function bothOf(one: EncodedPart, other: EncodedPart): EncodedPart {
  return { ...one, features: one.features && other.features && joinFeatures([one.features, other.features]) };
}

/**
 * Explains answers: leaves out each part of an item in turn, encodes what is left where no prediction waits, one item at a
 * time, and asks the head again.
 * @example
 * const explainer = new Explainer((encoder) => sources.opened(encoder));
 * const { modalities } = await explainer.explain(head, item, { label: 'cat' }, { signal });
 */
export class Explainer {
  readonly #sourceOf: (encoder: FittedEncoder) => ItemSource;
  readonly #turns = pLimit(explainedAtOnce);
  readonly #encoding = pLimit(encodedAtOnce);

  /** @param sourceOf of a head's encoder that an item was encoded with */
  constructor(sourceOf: (encoder: FittedEncoder) => ItemSource) {
    this.#sourceOf = sourceOf;
  }

  /**
   * Refuses what cannot be explained, before any of it is predicted.
   * @throws TandemError `invalid-request` where the head has no such label; `overloaded`
   */
  admit({ labels, name, version }: HeadManifest, { label }: ExplainOptions, mayWait = false): void {
    if (label !== undefined && !labels.includes(label)) {
      const known = quoteSome(labels);
      throw new TandemError(
        'invalid-request',
        `the label to explain: ${name}@${version} has no ${quote(label)}; it has ${known}`,
      );
    }
    const waiting = this.#turns.pendingCount;
    if (!mayWait && waiting >= mostWaiting)
      throw new TandemError('overloaded', `${waiting} explanations are waiting`, { retryAfter });
  }

  /** @throws TandemError as an encoder does; the signal's reason where it aborts */
  explain(
    head: Head,
    item: AnsweredItem,
    options: ExplainRequest,
    signal?: AbortSignal,
  ): Promise<Explanation> {
    return this.#turns(async () => {
      signal?.throwIfAborted();
      const started = performance.now();
      const { manifest } = head;
      const { label, index } = explainedOutput(manifest, item.answer, options);
      const most = options.parts ?? explainedParts.default;
      let encodes = 0;
      const modalities: Partial<Record<ModalityName, ModalityExplanation>> = {};
      for (const [place, encoder] of manifest.encoders.entries()) {
        const { modality } = encoder;
        const alone = item.answer.unimodal[modality];
        if (!alone) continue;
        const encoded = await this.#withoutParts(head, encoder, item.input.content, { most, signal });
        if (!isFitted(modality))
          encodes += encoded.filter(({ features }) => features).length * encodersIn(encoder).length;
        modalities[modality] = {
          alone: itemAt(alone, index),
          weight: manifest.calibration?.fused[place + 1],
          ...(await effectsOf(head, item, { modality, index, encoded })),
        };
      }
      signal?.throwIfAborted();
      const nearest = (await options.nearest?.(comparedFeatures(item.features, item.answer))) ?? [];
      return {
        label,
        answer: itemAt(item.answer.fused, index),
        modalities: modalities as Explanation['modalities'],
        nearest,
        cost: { encodes, milliseconds: performance.now() - started },
      };
    });
  }

  /** The parts of what an item has of a modality; none where it came as features, or has no parts. */
  async #withoutParts(
    { companions }: Head,
    encoder: FittedEncoder,
    content: GivenContent = {},
    options: OmissionOptions,
  ): Promise<Encoded[]> {
    const { modality, fitted } = encoder;
    if (isFitted(modality)) {
      const given = content[modality];
      const omissions = (given && fittedOf(modality).omit?.(given)) ?? [];
      return Promise.all(
        omissions.map(async ({ part, without }) => {
          const rest = await without();
          return { part, features: rest === undefined ? undefined : encodeFitted(modality, fitted, rest) };
        }),
      );
    }
    const given = content[modality];
    if (given === undefined) return [];
    const [first, ...others] = this.#sourceOf(encoder).parts;
    let encoded = first ? await this.#encodeParts(first, given, options) : [];
    const parts = encoded.map(({ part }) => part);
    // One after the other: nothing waits for an encoder while it keeps another loaded.
    for (const source of others) {
      const more = await this.#encodeParts(source, given, { ...options, parts });
      encoded = encoded.map((one, index) => bothOf(one, itemAt(more, index)));
    }
    return Promise.all(
      encoded.map(async ({ part, input, features }) => ({
        part,
        features: features && (await withCompanion(companions, modality, input, features)),
      })),
    );
  }

  /** What one encoder makes of an item without each of its parts; it stays loaded that long. */
  #encodeParts(source: FeatureSource, given: Input, options: OmissionOptions): Promise<EncodedPart[]> {
    return source.keepLoaded(() => this.#encodeEach(source, given, options), options.signal);
  }

  async #encodeEach(source: FeatureSource, given: Input, options: OmissionOptions): Promise<EncodedPart[]> {
    const { signal } = options;
    return pMap(
      await source.omit(given, options),
      ({ part, input = '', without }) =>
        this.#encoding(async () => {
          signal?.throwIfAborted();
          const prepared = await without();
          if (prepared === undefined) return { part, input };
          const { features } = await source.encodePrepared(prepared, { signal, background: true });
          return { part, input, features };
        }),
      { concurrency: encodedAtOnce },
    );
  }
}

/** What a head's answer loses without a modality, and without each part of it; what leaves nothing to answer from is left out. */
async function effectsOf(
  head: Head,
  { features, answer }: AnsweredItem,
  { modality, index, encoded }: { modality: ModalityName; index: number; encoded: readonly Encoded[] },
): Promise<Pick<ModalityExplanation, 'effect' | 'parts'>> {
  const { [modality]: _, ...others } = features;
  const isAlone = Object.keys(others).length === 0;
  const kept = encoded.filter((part) => part.features || !isAlone);
  const asked = kept.map((part) => (part.features ? { ...others, [modality]: part.features } : others));
  const answers = await head.classify(isAlone ? asked : [...asked, others]);
  const effects = answers.map(({ fused }) => itemAt(answer.fused, index) - itemAt(fused, index));
  return {
    effect: isAlone ? undefined : itemAt(effects, -1),
    parts: kept.map(({ part }, at) => ({ ...part, effect: itemAt(effects, at) })),
  };
}

/** Which number of an answer is explained, and the label that it belongs to; numbers have none. */
function explainedOutput(
  manifest: HeadManifest,
  { fused, unimodal }: ItemProbabilities,
  options: ExplainOptions,
): { label?: string; index: number } {
  const restingOn = Object.keys(unimodal) as ModalityName[];
  const [likeliest] = predictionOf(fused, manifest, { restingOn, topK: 1 }).labels;
  if (!likeliest) return { index: 0 };
  const label = options.label ?? likeliest.label;
  return { label, index: manifest.labels.indexOf(label) };
}
