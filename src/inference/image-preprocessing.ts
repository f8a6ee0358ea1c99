import { z } from 'zod';

/** What an image encoder's specification says of its input. */
export const imagePreprocessing = z.object({
  /** The shorter side is scaled to this many pixels ... */
  shortSide: z.int().positive(),
  /** ... and a square of this side is cut from the centre. */
  crop: z.int().positive(),
  kernel: z.enum(['cubic', 'linear', 'lanczos3', 'nearest']),
  /** What transparent pictures are laid on. */
  background: z.string(),
});
export type ImagePreprocessing = z.infer<typeof imagePreprocessing>;

/** Raised whenever the same picture comes out of the decoding as other pixels: features made before don't fit then. */
export const pixelsRevision = 2;
