import { z } from 'zod';

/** What an image encoder's specification says of its input. */
export const imagePreprocessing = z.object({
  /** The shorter side is scaled to this many pixels ... */
  shortSide: z.int().positive(),
  /** ... and a square of this side is cut from the centre. */
  crop: z.int().positive(),
  /**
   * `squash`: both sides are scaled to `shortSide`, whatever their ratio. `pad`: the longer side is, so that nothing is cut
   * off where the square has as many pixels; beside the shorter one is background.
   */
  fit: z.enum(['squash', 'pad']).optional(),
  /** The longer side, scaled, is rounded down, as transformers and torchvision do; to the nearest pixel by default. */
  roundsDown: z.boolean().optional(),
  kernel: z.enum(['cubic', 'linear', 'lanczos3', 'nearest']),
  /** What transparent images are laid on. */
  background: z.string(),
});
export type ImagePreprocessing = z.infer<typeof imagePreprocessing>;

/** A rectangle of an image: shares of its width and height as a person sees it, from the top left. */
export const imagePart = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });
export type ImagePart = z.infer<typeof imagePart>;

/** Raised whenever the same image comes out of the decoding as other pixels: heads trained before don't fit then. */
export const pixelsRevision = 2;

/**
 * Raised whenever pixels differ by less than heads notice, as they do where the same steps are taken in another order:
 * features made before are not mixed with new ones then, and heads trained before still fit.
 */
export const decodingRevision = 1;
