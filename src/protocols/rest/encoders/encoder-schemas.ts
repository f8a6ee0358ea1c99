import { z } from 'zod';
import { parseModelName } from '../../../encoders/hub/model-name.ts';
import { poolingNames } from '../../../encoders/model/pooling.ts';
import { dtypes } from '../../../encoders/model/weights.ts';
import { encoderOrigin, encoderProof } from '../../../encoders/origin.ts';
import { pretrainedNames } from '../../../modalities/registry.ts';
import { problemSchema } from '../../http/problems.ts';
import type { CheckedEncoder, InstalledEncoder } from '../../pipeline/services.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const example = {
  id: 'bge-small-en-v1.5',
  modality: 'text',
  dimension: 384,
  fingerprint: '1f80900f3cb75b84d6cb614ec3773c2a5a952a91a275f7fa480077526b67f47a',
  place: 'added',
  license: 'mit',
  isNonCommercial: false,
  origin: {
    folder: `Xenova/bge-small-en-v1.5@${commit}`,
    weights: {
      file: 'onnx/model.onnx',
      sha256: '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
    },
    addedAt: '2026-01-31T12:00:00.000Z',
    settings: { architecture: 'bert', dtype: 'fp32', pooling: 'cls', normalize: true, 'most tokens': 512 },
    proof: {
      items: 5,
      batchDifference: 1e-7,
      runDifference: 0,
      milliseconds: { alone: 12.5, inBatch: 9.1 },
      memory: 210_000_000,
    },
  },
};

/** An encoder, as `GET /v1/encoders` shows it. */
export const encoderSchema = z
  .object({
    id: z.string(),
    modality: z.enum(pretrainedNames),
    dimension: z.int().meta({ description: 'Length of a feature vector.' }),
    fingerprint: z
      .string()
      .meta({ description: 'A head takes features of the fingerprint that it was trained on.' }),
    place: z
      .enum(['bundled', 'added'])
      .meta({ description: 'Whether it ships with the program or was added.' }),
    license: z.string().optional().meta({ description: 'As the model card names it.' }),
    isNonCommercial: z
      .boolean()
      .meta({ description: 'Whether the licence, by its name, forbids commercial use.' }),
    origin: encoderOrigin.optional().meta({
      description: 'Of one that was added: from where, how it was read, and what its proof measured.',
    }),
  })
  .meta({ id: 'Encoder', example }) satisfies z.ZodType<InstalledEncoder>;

export const checkedEncoderSchema = z
  .object({
    ...encoderSchema.shape,
    proof: encoderProof.meta({
      description:
        'What was just measured. Differences are relative, the largest of all items: above 0.001 an item has other features beside others, or when it is asked again. The memory is in bytes.',
    }),
  })
  .meta({
    id: 'CheckedEncoder',
    example: { ...example, proof: example.origin.proof },
  }) satisfies z.ZodType<CheckedEncoder>;

export const encodersSchema = z
  .object({
    encoders: z.array(encoderSchema),
    damaged: z
      .array(z.object({ problem: z.string() }))
      .optional()
      .meta({ description: 'What is wrong with those that cannot be read.' }),
  })
  .meta({ id: 'Encoders', example: { encoders: [example] } });

/** What is added, and what its files leave open. */
export const additionSchema = z
  .strictObject({
    model: z
      .string()
      .refine((text) => parseModelName(text) !== undefined, {
        error: 'must be OWNER/NAME or OWNER/NAME@REVISION of the hub',
      })
      .meta({ description: 'A model of the hub; a branch or tag is resolved to its commit.' }),
    name: z
      .string()
      .regex(/^\w[\w.-]{0,95}$/)
      .optional()
      .meta({ description: 'What it is called; the model’s name by default.' }),
    modality: z.enum(pretrainedNames).optional().meta({ description: 'Of a model that encodes several.' }),
    dtype: z
      .enum(dtypes)
      .optional()
      .meta({ description: 'Which of its ONNX files; fp32, else fp16, by default.' }),
    pooling: z
      .enum(poolingNames)
      .optional()
      .meta({ description: 'How tokens become the features of a text.' }),
    normalize: z.boolean().optional().meta({ description: 'Whether features are scaled to length 1.' }),
    prefix: z.string().max(1000).optional().meta({ description: 'What is put before every text.' }),
    maxTokens: z.int().min(2).max(100_000).optional().meta({ description: 'Most tokens of a text.' }),
    license: z.string().max(200).optional().meta({ description: 'Where its card names none.' }),
    allowBatchDependence: z
      .boolean()
      .optional()
      .meta({ description: 'Takes a model whose features depend on what else is in the batch.' }),
  })
  .meta({
    id: 'EncoderRequest',
    example: { model: `Xenova/bge-small-en-v1.5@${commit}`, pooling: 'cls' },
  });

/** A line while an encoder is added; the last one has the encoder, or what went wrong. */
export const additionLineSchema = z
  .union([
    z.object({ stage: z.literal('downloading'), done: z.int(), total: z.int() }),
    z.object({ encoder: encoderSchema }),
    z.object({ error: problemSchema }),
  ])
  .meta({ id: 'EncoderLine', example: { stage: 'downloading', done: 40_000_000, total: 133_093_490 } });
