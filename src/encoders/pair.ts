import { z } from 'zod';

/** A side of a pair: an encoder whose features lie in one space with those of another modality's, as CLIP's do. */
export const pairSide = z.object({
  /** The model that it is a side of: `owner/name@commit` of the hub, or the model's folder. */
  model: z.string(),
  /** The factor that cosines were multiplied by in the pair's training; absent where its files do not say. */
  logitScale: z.number().positive().optional(),
  /** What was added then: SigLIP's, which judges each label by itself. */
  logitBias: z.number().optional(),
});
export type PairSide = z.infer<typeof pairSide>;

/** What tells a side of a pair. */
interface Sided {
  dimension: number;
  pair?: PairSide;
}

/**
 * Whether features of two encoders may be compared with each other.
 * @example isPair(encoders.byModality.image, encoders.byModality.text) // true of both sides of one CLIP
 */
export function isPair(one: Sided, other: Sided): boolean {
  return one.pair !== undefined && one.pair.model === other.pair?.model && one.dimension === other.dimension;
}
