import { z } from 'zod';
import { evaluatedSplits } from '../../../training/choices.ts';
import type { Evaluation } from '../../../training/evaluation.ts';
import { metricsSchema, targetSchema } from '../heads/head-routes.ts';

/** What a head scored on a dataset. */
export const evaluationSchema = z
  .object({
    head: z.object({ name: z.string(), version: z.int() }),
    target: targetSchema,
    dataset: z.string(),
    metrics: metricsSchema,
    rows: z.object({
      split: z.enum(evaluatedSplits).meta({ description: 'The side that was measured.' }),
      examples: z.int(),
      trainedOn: z.int().optional().meta({
        description:
          'From how many of them the head learned, which flatters it; omitted where the head keeps no record.',
      }),
    }),
  })
  .meta({ id: 'Evaluation' }) satisfies z.ZodType<Evaluation>;
