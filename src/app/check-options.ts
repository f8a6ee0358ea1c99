import { Writable } from 'node:stream';
import { z } from 'zod';
import { imageChoices, rareLabelChoices } from '../datasets/example.ts';
import { splitMethods } from '../datasets/split/split.ts';
import { explainedParts } from '../heads/explanation.ts';
import { contentColumnFields } from '../modalities/content-columns.ts';
import type { PretrainedModality } from '../modalities/modality.ts';
import {
  byModality,
  type PretrainedName,
  pretrainedModalities,
  pretrainedNames,
} from '../modalities/registry.ts';
import { describeFields } from '../protocols/pipeline/field-errors.ts';
import { targetKinds } from '../targets/target-kind.ts';
import {
  acceptAccuracy,
  evaluatedSplits,
  recipeChoices,
  seed,
  seeds,
  testShare,
  tune,
  tuningBatches,
  zeroShotFields,
} from '../training/choices.ts';

/**
 * Checks what code passes to a method, which TypeScript may not have seen.
 * @throws TandemError `invalid-request` naming every bad value
 * @example checkOptions(predictOptions, { topK: 0 }); // topK: must be at least 1
 */
export function checkOptions(schema: z.ZodType, options: unknown): void {
  const { error } = schema.safeParse(options);
  if (error) throw describeFields(error);
}

const text = z.string().min(1).optional();
const callback = z.custom((value) => typeof value === 'function', 'it must be a function').optional();
const signal = z.instanceof(AbortSignal, { error: 'it must be an AbortSignal' }).optional();

const port = z.int().min(0).max(65_535);
export const listenOptions = z.object({
  host: text,
  port: port.optional(),
  grpcPort: z.union([port, z.literal('off')], 'it must be a port from 0 to 65535, or off').optional(),
});

const parts = z.int().min(explainedParts.least).max(explainedParts.most).optional();
export const predictOptions = z.object({
  head: text,
  topK: z.int().min(1).optional(),
  explain: z
    .union([z.boolean(), z.object({ label: text, parts })], 'it must be true, or { label, parts: 4 to 64 }')
    .optional(),
  signal,
});

export const scoreOptions = z.object({
  ...contentColumnFields,
  out: z.union([z.string().min(1), z.instanceof(Writable)], 'it must be the name of a file, or a stream'),
  head: text,
  unimodal: z.boolean().optional(),
  prefix: z.string().max(100).optional(),
  labelSeparator: text,
  escapeFormulas: z.boolean().optional(),
  fetchImages: z.boolean().optional(),
  force: z.boolean().optional(),
  restart: z.boolean().optional(),
  signal,
  onProgress: callback,
  onNote: callback,
});

/** The items of a call are each looked at by themselves. */
export const predictInputs = z.object({ inputs: z.array(z.unknown(), 'it must be a list of items') });
export const predictInput = z.object(byModality(({ given }) => given.optional()));

const embedded = ({ name, given }: PretrainedModality<PretrainedName>) =>
  z.object({ modality: z.literal(name), input: given });
const [first, ...others] = pretrainedModalities;
export const embedInput = z.object({
  input: z.array(
    z.discriminatedUnion('modality', [embedded(first), ...others.map(embedded)]),
    'it must be a list of items',
  ),
});
export const embedOptions = z.object({ signal });

const columns = {
  ...contentColumnFields,
  labelColumn: text,
  labelSeparator: text,
  splitColumn: text,
  groupColumn: text,
  images: z.enum(imageChoices).optional(),
  ignoredColumns: z.array(z.string()).readonly().optional(),
  skipBadRows: z.boolean().optional(),
  rareLabels: z.enum(rareLabelChoices).optional(),
};
const datasetOptions = {
  ...columns,
  onBadRows: callback,
  fetchImages: z.boolean().optional(),
  target: z.enum(targetKinds).optional(),
  onNote: callback,
  onProgress: callback,
  signal,
};
const splitOptions = { testShare: testShare.optional(), splitBy: z.enum(splitMethods).optional() };

/** As settings name them: of the hub, and folders, as well. */
const namedEncoders = { imageEncoder: text, textEncoder: text };

export const trainOptions = z.object({
  ...{ ...datasetOptions, ...splitOptions, ...recipeChoices, ...namedEncoders },
  head: z.string(),
  seed: seed.optional(),
  search: z.boolean().optional(),
  refit: z.boolean().optional(),
  acceptAccuracy: acceptAccuracy.optional(),
  tune: tune.optional(),
  startFrom: text,
  ...tuningBatches,
  checkpoints: text,
});
export const compareOptions = z.object({
  ...{ ...datasetOptions, ...splitOptions, ...namedEncoders },
  seeds: seeds.optional(),
  report: text,
});
export const compareTuningOptions = z.object({
  ...{ ...datasetOptions, ...splitOptions, ...namedEncoders },
  ...{ seeds: seeds.optional(), tune },
});
export const evaluateOptions = z.object({
  ...datasetOptions,
  head: z.string(),
  split: z.enum(evaluatedSplits).optional(),
  predictions: text,
  report: text,
});
export const jobRequest = z.object({
  ...{ ...columns, ...splitOptions },
  target: z.enum(targetKinds).optional(),
  work: z.union(
    [
      z.object({
        head: z.string(),
        seed,
        search: z.boolean().optional(),
        refit: z.boolean().optional(),
        acceptAccuracy: acceptAccuracy.optional(),
        startFrom: text,
        tune: tune.optional(),
        ...tuningBatches,
      }),
      z.object({ compare: seeds }),
      z.object({ evaluate: z.object({ head: z.string(), split: z.enum(evaluatedSplits).optional() }) }),
    ],
    'it must be { head: name, seed: 0 } to make a head, { compare: 2 or more } to compare strategies on so many splits, or { evaluate: { head: name@version } } to measure one',
  ),
  source: z.union(
    [z.object({ dataset: z.string() }), z.object({ file: z.string(), fileName: z.string() })],
    'it must be { dataset: id or folder name } or { file: path, fileName }',
  ),
  priority: z.int().optional(),
  encoders: z.partialRecord(z.enum(pretrainedNames), z.string().min(1)).optional(),
});
export const zeroShotOptions = z.object({
  ...{ ...zeroShotFields, ...namedEncoders, signal },
  needsImages: z.boolean().optional(),
});
export const acceptOptions = z.object({ accuracy: acceptAccuracy.nullable() });
export const compareHeadsOptions = z.object({ ...datasetOptions, dataset: text });
