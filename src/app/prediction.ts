import type { TandemError } from '../errors.ts';
import { decisionRuleOf } from '../heads/accept.ts';
import type { HeadCache } from '../heads/cache.ts';
import type { ExplainOptions } from '../heads/explanation.ts';
import type { NearestExamples } from '../heads/nearest-examples.ts';
import type { EmbeddedItem, Prediction, PredictionInput } from '../heads/prediction.ts';
import type { Predictor } from '../heads/predictor.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import { itemAt, required } from '../indexing.ts';
import { describeFields } from '../protocols/pipeline/field-errors.ts';
import {
  checkOptions,
  embedInput,
  embedOptions,
  predictInput,
  predictInputs,
  predictOptions,
} from './check-options.ts';
import type { Context } from './context.ts';

/** One item to classify: the bytes of an image file (JPEG, PNG, WebP, GIF, TIFF, AVIF), a text, or both. */
export type Content = PredictionInput['content'] & {};

export interface PredictOptions {
  /** `pets`, `pets@3` or `pets@production`; the settings' default head by default. */
  head?: string;
  /** Most labels of a prediction; 5 by default. */
  topK?: number;
  /**
   * Adds to each prediction what it rests on: by how much parts of the content move the answer. It takes as many encodes
   * as there are parts. Explanations wait for each other, and for predictions.
   */
  explain?: boolean | ExplainOptions;
  /** Ends the work, which then throws the signal's reason. */
  signal?: AbortSignal;
}

export interface Predictions {
  head: { name: string; version: number };
  /** One for each input, in their order: a prediction, or what is wrong with that input. */
  results: (Prediction | TandemError)[];
}

const defaultTopK = 5;

/** See `Tandem.predict`. However many the inputs are, they wait for their turn. */
export async function predict(
  context: Context,
  inputs: readonly Content[],
  options: PredictOptions,
): Promise<Predictions> {
  checkOptions(predictOptions, options);
  checkOptions(predictInputs, { inputs });
  const { head = context.settings['default-head'], topK = defaultTopK, signal } = options;
  const explain = options.explain === true ? {} : options.explain || undefined;
  // The head first: encoders are not loaded for one that is not there.
  await (await context.registry()).resolve(head);
  const checked = inputs.map((content, index) => problemOf(content)?.at(`inputs[${index}]`));
  const items = inputs.flatMap((content, index) => (checked[index] ? [] : [{ content }]));
  const answer = await predictBy(await partsOf(context), items, {
    ...{ head, topK, explain, signal },
    mayWait: true,
  });
  const answered = answer.results.values();
  return {
    head: answer.head,
    results: checked.map((problem) => problem ?? required(answered.next().value, 'an answer for each item')),
  };
}

/** What is wrong with an item, which code may have passed as anything. */
function problemOf(content: Content): TandemError | undefined {
  const { error } = predictInput.safeParse(content);
  return error && describeFields(error);
}

/** See `Tandem.embed`. */
export async function embed(
  context: Context,
  items: readonly EmbeddedItem[],
  options: { signal?: AbortSignal },
): Promise<{ features: Float32Array; cost: number }[]> {
  checkOptions(embedOptions, options);
  checkOptions(embedInput, { input: items });
  return embedBy(await partsOf(context), items, options.signal);
}

/** See `Services.embed`, which is this. */
export async function embedBy(
  { registry, heads, predictor }: PredictionParts,
  items: readonly EmbeddedItem[],
  signal?: AbortSignal,
): Promise<{ features: Float32Array; cost: number }[]> {
  const byHead = Map.groupBy(items.entries(), ([, { encoder = '' }]) =>
    encoder.includes('@') ? encoder : '',
  );
  const found: { features: Float32Array; cost: number }[] = [];
  for (const [reference, own] of byHead) {
    const inputs = own.map(([, item]) => item);
    const embedded =
      reference === ''
        ? await predictor.embed(inputs, signal)
        : await heads.use(await registry.open(reference), (head) => predictor.embedBy(head, inputs, signal));
    for (const [index, [place]] of own.entries()) found[place] = itemAt(embedded, index);
  }
  return found;
}

interface PredictionParts {
  registry: HeadRegistry;
  heads: HeadCache;
  predictor: Predictor;
  nearest: NearestExamples;
}

/** What predictions take. */
export async function partsOf(context: Context): Promise<PredictionParts> {
  const [registry, heads, predictor, nearest] = await Promise.all([
    context.registry(),
    context.heads(),
    context.predictor(),
    context.nearest(),
  ]);
  return { registry, heads, predictor, nearest };
}

/** See `Services.predict`, which is this. */
export async function predictBy(
  { registry, heads, predictor, nearest }: PredictionParts,
  inputs: readonly PredictionInput[],
  {
    head: reference,
    explain,
    ...options
  }: { head: string; topK: number; explain?: ExplainOptions; signal?: AbortSignal; mayWait?: boolean },
): Promise<Predictions> {
  const opened = await registry.open(reference);
  const { name, version } = opened;
  const results = await heads.use(opened, (head) =>
    predictor.predict(head, inputs, {
      ...options,
      rule: decisionRuleOf(opened, head.manifest),
      explain: explain && {
        ...explain,
        nearest: (features) => nearest.of(opened, head.manifest, features),
      },
    }),
  );
  return { head: { name, version }, results };
}
