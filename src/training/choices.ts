import { z } from 'zod';
import { mostTogether } from '../encoder-list.ts';
import type { EncoderNames } from '../encoders/encoder-names.ts';
import { type ModalityName, type PretrainedName, pretrainedNames } from '../modalities/registry.ts';
import { type RecipeChoices, trainedFusions, trainedStrategies } from './loop/recipe.ts';
import type { TuningBatches } from './loop/tuning-batches.ts';
import { zeroShotTargets } from './zero-shot/request.ts';

/** Decides split, starting values, order and dropout: same seed, same head. */
export const seed = z
  .int()
  .min(0)
  .max(2 ** 32);

/** How many splits a comparison trains on. */
export const seeds = z.int().min(2).max(1000);

/** Fraction of the examples held out for evaluation. */
export const testShare = z.number().gt(0).lt(1);

/** The share of right answers that is wished for among those that are accepted. */
export const acceptAccuracy = z.number().gt(0).lt(1);

/** The id of an encoder, or the beginning of its fingerprint; of several whose features are concatenated, `a+b`. */
export const encoderName = z
  .string()
  .regex(
    new RegExp(`^\\w[\\w.-]{0,95}(\\+\\w[\\w.-]{0,95}){0,${mostTogether - 1}}$`),
    `must be the id of an encoder, as GET /v1/models lists them, or up to ${mostTogether} with + between`,
  );

/** The encoder of each modality, or several. */
export const encoderNames = {
  imageEncoder: encoderName.optional(),
  textEncoder: encoderName.optional(),
} satisfies { [Name in keyof EncoderNames]-?: z.ZodType<EncoderNames[Name]> };

/** What a head of label names is made of; see `ZeroShotRequest`. */
export const zeroShotFields = {
  labels: z.array(z.string()).min(1),
  templates: z.array(z.string()).min(1).max(1000).optional(),
  target: z.enum(zeroShotTargets).optional(),
  logitScale: z.number().positive().optional(),
  logitBias: z.number().optional(),
};

/** What may be chosen of a recipe; see `RecipeChoices`. */
export const recipeChoices = {
  strategy: z.enum(trainedStrategies).optional(),
  fusion: z.enum(trainedFusions).optional(),
  variance: z.enum(['entropy', 'dropout']).optional(),
  classWeights: z.enum(['none', 'balanced']).optional(),
  lexical: z.enum(['auto', 'on', 'off']).optional(),
} satisfies { [Choice in keyof RecipeChoices]: z.ZodType<RecipeChoices[Choice] | undefined> };

/** `train` and `test` are the dataset's own sides; where it marks none, the sides that the head was trained and measured on. */
export const evaluatedSplits = ['all', 'train', 'test'] as const;
export type EvaluatedSplit = (typeof evaluatedSplits)[number];

const tunedForm = new RegExp(
  `^(?<modality>${pretrainedNames.join('|')}):(?:last-(?<blocks>[1-9]\\d?)|lora-(?<whole>[1-9]\\d?)|last-(?<last>[1-9]\\d?)-lora-(?<rank>[1-9]\\d?))$`,
);
const tunedPart = z
  .string()
  .regex(
    tunedForm,
    'it must be a modality and the blocks, such as text:last-2 or image:last-1, or adapters of a rank, such as text:lora-8 or text:last-4-lora-8',
  );

/** How the batches of a tuning are computed; see `TuningBatches`. */
export const tuningBatches = {
  batchSize: z.int().min(2).max(1024).optional(),
  accumulate: z.int().min(1).max(1024).optional(),
  memory: z.int().min(1).optional(),
} satisfies { [Choice in keyof TuningBatches]-?: z.ZodType<TuningBatches[Choice]> };

/** What of the encoders is trained with a head: one, a list with at most one of each modality, or what held-out examples say. */
export const tune = z.union([
  z.literal('auto'),
  z.tuple([z.literal('auto')]),
  tunedPart,
  z
    .array(tunedPart)
    .min(1)
    .refine(
      (parts) => new Set(parts.map((part) => part.split(':')[0])).size === parts.length,
      'it must name each modality at most once',
    ),
]);

/** What a person may ask of a tuning. */
export interface TuningRequest extends TuningBatches {
  /** See `TrainOptions`. */
  tune?: string | string[];
}

/** What of one encoder is trained with a head. */
export interface TunedPart {
  modality: PretrainedName;
  /** The last so many blocks; all of them where undefined. */
  blocks?: number;
  /** Of adapters on the linear layers; the weights themselves are trained where undefined. */
  rank?: number;
}

/** What `auto` tries. */
const automatic = ['text:last-2', 'image:last-1'];

/**
 * What `tune` names, as candidates of which the best is taken: one, or with `auto` every encoder of the data alone and all at once.
 * @param known the modalities that the examples have
 * @example tuningCandidates('text:last-2', ['text']) // [[{ modality: 'text', blocks: 2 }]]
 */
export function tuningCandidates(
  choice: string | readonly string[],
  known: readonly ModalityName[],
): TunedPart[][] {
  if (!isAutomatic(choice)) return [partsOf(choice)];
  const parts = partsOf(automatic).filter(({ modality }) => known.includes(modality));
  const alone = parts.map((part) => [part]);
  return parts.length > 1 ? [...alone, parts] : alone;
}

/** Whether nobody named what is to be tuned. */
export function isAutomatic(choice: string | readonly string[]): boolean {
  return [choice].flat().join() === 'auto';
}

function partsOf(choice: string | readonly string[]): TunedPart[] {
  const named = (typeof choice === 'string' ? [choice] : choice).map((part) => tunedForm.exec(part)?.groups);
  return pretrainedNames.flatMap((modality): TunedPart[] => {
    const { blocks, whole, last, rank } = named.find((part) => part?.modality === modality) ?? {};
    if (blocks !== undefined) return [{ modality, blocks: Number(blocks) }];
    if (whole !== undefined) return [{ modality, rank: Number(whole) }];
    return rank === undefined ? [] : [{ modality, blocks: Number(last), rank: Number(rank) }];
  });
}

/** As people name it. @example namePart({ modality: 'text', rank: 8 }) // 'text:lora-8' */
export function namePart({ modality, blocks, rank }: TunedPart): string {
  const words = [...(blocks ? [`last-${blocks}`] : []), ...(rank ? [`lora-${rank}`] : [])];
  return `${modality}:${words.join('-')}`;
}
