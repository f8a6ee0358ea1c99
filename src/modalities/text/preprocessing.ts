import { z } from 'zod';

/** What a text encoder's specification says of its input. */
export const textPreprocessing = z.object({
  maximumTokens: z.int().positive(),
  /** Put before every text. */
  prefix: z.string().optional(),
  lowercase: z.boolean().optional(),
  /** The id that shorter texts are padded with; 0 by default. */
  padding: z.int().nonnegative().optional(),
  /** Every text is padded to the most tokens, as encoders without a mask were trained. */
  isFixedLength: z.boolean().optional(),
});
export type TextPreprocessing = z.infer<typeof textPreprocessing>;
