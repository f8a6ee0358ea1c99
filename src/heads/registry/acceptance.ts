import { z } from 'zod';

/** Which answers of a head are accepted. */
export const acceptanceSchema = z.strictObject({
  /** The share of right answers that was wished for. */
  accuracy: z.number(),
  /** How probable an answer must be at least. */
  threshold: z.number(),
  /**
   * What reaches the wish on the held-out rows: the lower end of the 95 % interval of the accuracy, or only the accuracy
   * itself.
   */
  reachedBy: z.enum(['interval', 'estimate']),
  /** Held-out rows, how many of them are accepted, and how many of these are right. */
  rows: z.int(),
  accepted: z.int(),
  right: z.int(),
});

export type Acceptance = z.infer<typeof acceptanceSchema>;
