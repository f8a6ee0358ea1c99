import { z } from 'zod';
import { modalityNames } from '../../../modalities/registry.ts';
import type { Comparison } from '../../../training/comparison.ts';
import { contenders } from '../../../training/contenders.ts';
import { targetSchema } from '../heads/head-routes.ts';

const spread = z.object({ mean: z.number(), standardDeviation: z.number(), bySeed: z.array(z.number()) });
const figures = z.record(z.string(), spread);
const difference = z.object({
  mean: z.number(),
  margin: z.number().meta({ description: 'Half the width of the 95 % interval.' }),
  isDifferent: z.boolean().meta({ description: 'False where the interval covers zero.' }),
});

/** What a comparison of the strategies found. */
export const comparisonSchema = z
  .object({
    dataset: z.string(),
    examples: z.object({ training: z.int(), test: z.int() }),
    labels: z.int(),
    seeds: z.array(z.int()).readonly(),
    split: z.enum(['drawn', 'marked']).meta({
      description:
        'Whether each seed drew a test side of its own, or the dataset marks one: then intervals say nothing of other test examples.',
    }),
    target: targetSchema,
    results: z
      .array(
        z.object({
          contender: z.enum(contenders),
          fused: figures,
          unimodal: z.partialRecord(z.enum(modalityNames), figures),
        }),
      )
      .meta({ description: 'The best first.' }),
    differences: z
      .array(z.object({ against: z.enum(contenders), figures: z.record(z.string(), difference) }))
      .optional()
      .meta({ description: 'ARL less each of the others.' }),
    verdict: z.object({ against: z.enum(contenders), difference }).optional(),
  })
  .meta({ id: 'Comparison' }) satisfies z.ZodType<Comparison>;
