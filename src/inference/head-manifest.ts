import { z } from 'zod';
import { modalities } from './prediction.ts';

const metricsSchema = z.object({
  examples: z.number(),
  accuracy: z.number(),
  macroF1: z.number(),
  negativeLogLikelihood: z.number(),
  calibrationError: z.number(),
});

/** `head.json`: everything about a head but its weights. */
export const headManifestSchema = z.object({
  format: z.literal(1),
  name: z.string(),
  version: z.int().positive(),
  createdAt: z.iso.datetime(),
  /** In the order of the logits. */
  labels: z.array(z.string()).min(2),
  /** The encoders whose features the head takes, in the order of METHOD's m. */
  encoders: z
    .array(
      z.object({ modality: z.enum(modalities), id: z.string(), dimension: z.int(), fingerprint: z.string() }),
    )
    .min(1),
  metrics: z.object({
    fused: metricsSchema,
    image: metricsSchema.optional(),
    text: metricsSchema.optional(),
  }),
  training: z.object({
    dataset: z.string(),
    datasetHash: z.string(),
    examples: z.object({ training: z.int(), test: z.int() }),
    seed: z.int(),
    provider: z.enum(['cpu', 'cuda']),
    recipe: z.record(z.string(), z.unknown()),
  }),
  /** sha256 of head.onnx. */
  weights: z.string(),
});

export type HeadManifest = z.infer<typeof headManifestSchema>;

export const headFiles = { manifest: 'head.json', weights: 'head.onnx', report: 'report.html' } as const;
