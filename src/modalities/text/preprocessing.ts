import { z } from 'zod';

/** What a text encoder's specification says of its input. */
export const textPreprocessing = z.object({ maximumTokens: z.int().positive() });
export type TextPreprocessing = z.infer<typeof textPreprocessing>;
