import { z } from 'zod';

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
