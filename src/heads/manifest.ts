import { z } from 'zod';
import { mostTogether } from '../encoder-list.ts';
import { hubOrigin } from '../encoders/origin.ts';
import { jointFingerprint } from '../encoders/reference.ts';
import { trunkOrigin } from '../encoders/specification.ts';
import { isFitted, modalityNames, pretrainedNames } from '../modalities/registry.ts';
import { defaultTarget, targetKinds } from '../targets/target-kind.ts';
import { checkFitted, companionSchema, type FittedEncoder } from './fitted.ts';
import { acceptanceSchema } from './registry/acceptance.ts';
import { manifestFile } from './registry/shipped-heads.ts';

/** By name; which there are depends on the target. */
const metricsSchema = z.record(z.string(), z.number());

/** Heads of earlier releases have the figures of each modality beside `fused`. */
function gatherUnimodal(metrics: unknown): unknown {
  if (typeof metrics !== 'object' || metrics === null || 'unimodal' in metrics || !('fused' in metrics))
    return metrics;
  const { fused, ...unimodal } = metrics;
  return { fused, unimodal };
}

/** One encoder. */
const encoderSchema = z.object({
  id: z.string(),
  dimension: z.int(),
  fingerprint: z.string(),
  /** Of the encoder's weights, as their model card names it; heads of earlier releases lack it. */
  license: z.string().optional(),
  /** The model of the hub that it, or what it is the trunk of, was made of; absent where it came from elsewhere. */
  origin: hubOrigin.optional(),
});

/** What makes the features that a head takes: an encoder, several, or what was fitted to its training rows and is part of it. */
const headEncoderSchema = z
  .object({
    modality: z.enum(modalityNames),
    ...encoderSchema.shape,
    /** Each of several encoders whose features are concatenated, in their order: the whole is called after them. */
    parts: z.array(encoderSchema).min(2).max(mostTogether).optional(),
    /** What makes features that the head takes beside the encoder's. */
    companion: companionSchema.optional(),
    /** Where head.onnx begins inside the encoder: its last blocks are the head's own. */
    trunkOf: trunkOrigin.optional(),
    /** Then: how many features those blocks make, which head.onnx gives as well. */
    embeddingDimension: z.int().positive().optional(),
    /** Of a modality that no encoder was trained on: how its features are made. */
    fitted: z.unknown().optional(),
  })
  .superRefine(checkFitted)
  .superRefine(checkParts);

/** Adds what is wrong with several encoders: heads are imported, too. */
function checkParts(
  { modality, dimension, fingerprint, parts }: FittedEncoder,
  context: z.RefinementCtx,
): void {
  if (!parts) return;
  const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['parts'], message });
  const sum = parts.reduce((all, part) => all + part.dimension, 0);
  if (isFitted(modality)) refuse(`${modality} has no encoders`);
  else if (sum !== dimension) refuse(`they make ${sum} features, not ${dimension}`);
  else if (jointFingerprint(parts) !== fingerprint) refuse('the fingerprint is not theirs');
}

/** How the names of labels became a head. */
export const zeroShotSchema = z.object({
  /** Texts with `{}` in place of the label; a label's direction is the mean of what they are encoded as. */
  templates: z.array(z.string()).min(1),
  /** What encoded them. */
  textEncoder: z.object({ id: z.string(), fingerprint: z.string() }),
  logitScale: z.number(),
  logitBias: z.number(),
});

/** The head that a training started from, and what so many examples of each label added. */
export const startSchema = z.object({
  /** `animals@1` */
  head: z.string(),
  /**
   * By examples of each label, none of them first, the last all that there were: the main figure on the held-out rows, of the
   * blend with the head that it started from, and of a head that was trained on the same rows without it.
   */
  curve: z.array(
    z.object({
      perLabel: z.int(),
      examples: z.int(),
      blend: z.number(),
      plain: z.number().optional(),
    }),
  ),
});
export type StartCurve = z.infer<typeof startSchema>['curve'];

/** What tuning encoders did to examples that were held out of it. */
export const tuningHeldOutSchema = z.object({
  frozen: z.number(),
  tuned: z.number(),
  /** Of the losses, tuned less frozen, with half the width of its 95 % interval. */
  difference: z.object({ mean: z.number(), margin: z.number() }).optional(),
  examples: z.int().optional(),
});

/** `head.json`: everything about a head but its weights. */
export const headManifestSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  version: z.int().positive(),
  createdAt: z.iso.datetime(),
  /** What the head says: one label, any of several, or numbers. */
  target: z.enum(targetKinds).default(defaultTarget),
  /** In the order of the logits; what numbers are called. */
  labels: z.array(z.string()).min(1),
  /** Of any of several labels: the probability from which each is given, where an example has every modality. */
  thresholds: z.array(z.number()).optional(),
  /** The same in the answer of each modality alone; heads of earlier releases lack it, and take the others. */
  unimodalThresholds: z.partialRecord(z.enum(modalityNames), z.array(z.number())).optional(),
  /** The encoders whose features the head takes, in the order of the method's m. */
  encoders: z.array(headEncoderSchema).min(1),
  metrics: z.preprocess(
    gatherUnimodal,
    z.object({
      fused: metricsSchema,
      unimodal: z.partialRecord(z.enum(modalityNames), metricsSchema),
    }),
  ),
  training: z.object({
    dataset: z.string(),
    datasetHash: z.string(),
    /** sha256 over what the examples of the test split hold, in no order; heads of earlier releases lack it. */
    testHash: z.string().optional(),
    examples: z.object({ training: z.int(), test: z.int() }),
    /** Present where head.onnx was trained anew on so many examples, both sides of the split; the metrics are of the head before. */
    refit: z.object({ examples: z.int() }).optional(),
    seed: z.int(),
    provider: z.enum(['cpu', 'cuda']),
    /** How long it took, until the head was measured. */
    seconds: z.object({ features: z.number(), training: z.number(), total: z.number() }).optional(),
    recipe: z.record(z.string(), z.unknown()),
    /** How cross-validation on the training side chose the recipe; absent where it was given. */
    search: z
      .object({
        folds: z.int(),
        examples: z.int(),
        candidates: z.array(
          z.object({
            /** What it changes of the recipe given. */
            changes: z.record(z.string(), z.unknown()),
            /** Mean loss on what was held out, as answered and after calibration. */
            loss: z.number(),
            calibratedLoss: z.number(),
          }),
        ),
      })
      .optional(),
    /** The head of label names that the training started from, whose answers head.onnx blends with its own. */
    startedFrom: startSchema.optional(),
    /** Present where head.onnx begins inside encoders, whose last blocks were trained with the head. */
    tuning: z
      .object({
        /** How many of each encoder. */
        blocks: z.partialRecord(z.enum(pretrainedNames), z.int().positive()),
        /** Of the adapters that they were trained by, where they were. */
        ranks: z.partialRecord(z.enum(pretrainedNames), z.int().positive()).optional(),
        /** Mean loss on examples that were held out of both: on the pretrained features, and tuned. */
        heldOut: tuningHeldOutSchema,
      })
      .optional(),
  }),
  /**
   * The answers to the held-out rows, of the head that never saw them, from the surest on: how many are accepted from a
   * threshold on, and how many of these are right.
   */
  coverage: z
    .object({
      rows: z.int(),
      points: z.array(z.object({ threshold: z.number(), accepted: z.int(), right: z.int() })),
    })
    .optional(),
  /** Which answers are accepted, unless the registry says otherwise of the version. */
  acceptance: acceptanceSchema.optional(),
  /** What is unlike the training rows: see `Novelty`. */
  novelty: z
    .object({
      /** Share of the held-out rows that may be taken for it. */
      falseAlarms: z.number(),
      /** Rows that were held out, and training rows that items are compared with: the first of neighbours.bin. */
      rows: z.int(),
      neighbours: z.int(),
      /** Cosine with the nearest of them below which it is, where an item has 1, 2, … modalities; null: never. */
      limits: z.partialRecord(z.enum(modalityNames), z.array(z.number().nullable())),
      /** Of items with all these modalities, looked at together. Absent where too few were held out, and in older heads. */
      joint: z
        .object({
          /** What held-out rows have for their cosine with the nearest, in ascending order. */
          similarities: z.partialRecord(z.enum(modalityNames), z.array(z.number()).min(1)),
          /** The sum below which an item is, of the logarithms of the shares that are as far away in each modality. */
          limit: z.number(),
        })
        .optional(),
    })
    .optional(),
  /** Of numbers: how far the truth is from an answer in that share of the held-out rows (split conformal prediction). */
  interval: z
    .object({
      coverage: z.number(),
      rows: z.int(),
      fused: z.number(),
      unimodal: z.partialRecord(z.enum(modalityNames), z.number()),
    })
    .optional(),
  /** Weights of the logits in the answers, already in head.onnx; absent where answers are left as they are. */
  calibration: z
    .object({
      /** Of the fused logits, then of each encoder's, in the fused answer. */
      fused: z.array(z.number()),
      /** Of each encoder's in its own answer. */
      unimodal: z.array(z.number()),
      /** Of the prototypes that the training started from, in the fused answer and in the modality's own. */
      prototypes: z
        .partialRecord(z.enum(modalityNames), z.object({ fused: z.number(), unimodal: z.number() }))
        .optional(),
    })
    .optional(),
  /** Of a head of label names, which no example taught: see `Prototypes`. */
  zeroShot: zeroShotSchema.optional(),
  /** sha256 of head.onnx. */
  weights: z.string(),
});

export type HeadManifest = z.infer<typeof headManifestSchema>;

export const headFiles = {
  manifest: manifestFile,
  weights: 'head.onnx',
  report: 'report.html',
  /** What the training did with each row; see `readTrainingRows`. */
  rows: 'rows.jsonl.gz',
  /** Features of rows that it was trained on; see `readNeighbours`. */
  neighbours: 'neighbours.bin',
} as const;
