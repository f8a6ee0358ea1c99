import type { TandemError } from '../errors.ts';
import type { HeadCache } from '../heads/cache.ts';
import type { Prediction, PredictionInput } from '../heads/prediction.ts';
import type { Predictor } from '../heads/predictor.ts';
import type { HeadRegistry } from '../heads/registry/heads.ts';
import type { Context } from './context.ts';

/** One item to classify: the bytes of an image file (JPEG, PNG, WebP), a text, or both. */
export type Content = PredictionInput['content'] & {};

export interface PredictOptions {
  /** `pets`, `pets@3` or `pets@production`; the settings' default head by default. */
  head?: string;
  /** Most labels of a prediction; 5 by default. */
  topK?: number;
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
  { head = context.settings['default-head'], topK = defaultTopK, signal }: PredictOptions,
): Promise<Predictions> {
  // The head first: encoders are not loaded for one that is not there.
  await (await context.registry()).resolve(head);
  const items = inputs.map((content) => ({ content }));
  return predictBy(await partsOf(context), items, { head, topK, signal, mayWait: true });
}

interface PredictionParts {
  registry: HeadRegistry;
  heads: HeadCache;
  predictor: Predictor;
}

/** What predictions take. */
export async function partsOf(context: Context): Promise<PredictionParts> {
  const [registry, heads, predictor] = await Promise.all([
    context.registry(),
    context.heads(),
    context.predictor(),
  ]);
  return { registry, heads, predictor };
}

/** See `Services.predict`, which is this. */
export async function predictBy(
  { registry, heads, predictor }: PredictionParts,
  inputs: readonly PredictionInput[],
  { head: reference, ...options }: { head: string; topK: number; signal?: AbortSignal; mayWait?: boolean },
): Promise<Predictions> {
  const opened = await registry.open(reference);
  const { name, version } = opened;
  const results = await heads.use(opened, (head) => predictor.predict(head, inputs, options));
  return { head: { name, version }, results };
}
