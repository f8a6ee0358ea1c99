import { z } from 'zod';
import { product } from '../product.ts';
import { hasControlCharacters, quoteForShell } from '../quote.ts';
import { isCommit, parseModelName } from './hub/model-name.ts';
import { poolingNames } from './model/pooling.ts';
import type { ModelSettings } from './model/reader.ts';
import { dtypes } from './model/weights.ts';

/** What a proof found; see `proveEncoder`. Differences are relative: |a − b| / |a|, the largest of all items. */
export const encoderProof = z.object({
  /** Items that it encoded. */
  items: z.int(),
  /** Between an item alone and the same in a batch of all, in either order. */
  batchDifference: z.number(),
  /** Between two runs of an item alone. */
  runDifference: z.number(),
  /** For one item: alone, and in a batch of all. */
  milliseconds: z.object({ alone: z.number(), inBatch: z.number() }),
  /** That the process grew by, in bytes, from before the encoder was loaded. */
  memory: z.int(),
});
export type EncoderProof = z.infer<typeof encoderProof>;

/** Where an encoder that was added comes from, and how its files were read. */
export const encoderOrigin = z.object({
  /** The model's folder, or `owner/name@commit` of the hub. */
  folder: z.string(),
  /** sha256 of the names and hashes of the files that it was made of. */
  digest: z.string().optional(),
  /** The ONNX file in it, and its sha256. */
  weights: z.object({ file: z.string(), sha256: z.string() }),
  addedAt: z.iso.datetime(),
  /** What was read from the model's files, or given: architecture, dtype, pooling, prefix and the like. */
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  proof: encoderProof,
});
export type EncoderOrigin = z.infer<typeof encoderOrigin>;

/** What was read or said of a model, to be said again. */
export function toldSettings({
  settings: { dtype, pooling, normalize, prefix, 'most tokens': maxTokens },
}: Pick<EncoderOrigin, 'settings'>): ModelSettings {
  const knownDtype = dtypes.find((name) => name === dtype);
  const knownPooling = poolingNames.find((name) => name === pooling);
  return {
    ...(knownDtype && { dtype: knownDtype }),
    ...(knownPooling && { pooling: knownPooling }),
    ...(typeof normalize === 'boolean' && { normalize }),
    ...(typeof prefix === 'string' && { prefix }),
    ...(typeof maxTokens === 'number' && { maxTokens }),
  };
}

/** A model of the hub, and how it was made an encoder: as heads keep it, so that it can be made again. */
export const hubOrigin = z.object({
  /** `owner/name@commit`. */
  model: z.string().refine(isPinned, 'it must be OWNER/NAME@COMMIT'),
  dtype: z.enum(dtypes).optional(),
  pooling: z.enum(poolingNames).optional(),
  normalize: z.boolean().optional(),
  prefix: z
    .string()
    .max(1000)
    .refine((text) => !hasControlCharacters(text), 'it has control characters')
    .optional(),
  maxTokens: z.int().positive().optional(),
});
export type HubOrigin = z.infer<typeof hubOrigin>;

function isPinned(name: string): boolean {
  return isCommit(parseModelName(name)?.revision ?? '');
}

/** The model of the hub that an encoder was made of; undefined where it was made of a folder. */
export function hubOriginOf(origin: EncoderOrigin): HubOrigin | undefined {
  return hubOrigin.safeParse({ model: origin.folder, ...toldSettings(origin) }).data;
}

/**
 * What a person types to have the same encoder.
 * @example addCommand({ model: 'Xenova/bge-small-en-v1.5@1c7f…', pooling: 'cls' }, 'text')
 *   // 'tandem encoders add Xenova/bge-small-en-v1.5@1c7f… --modality text --pooling cls'
 */
export function addCommand(
  { model, dtype, pooling, normalize, prefix, maxTokens }: HubOrigin,
  modality: string,
): string {
  const options = [
    ['--modality', modality],
    ['--dtype', dtype],
    ['--pooling', pooling],
    ['--prefix', prefix],
    ['--max-tokens', maxTokens],
  ].flatMap(([option = '', value]) => (value === undefined ? [] : [option, String(value)]));
  const words = ['encoders', 'add', model, ...options, ...(normalize === false ? ['--no-normalize'] : [])];
  return [product.invocation, ...words.map((word) => quoteForShell(String(word)))].join(' ');
}
