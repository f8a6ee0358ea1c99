import { z } from 'zod';
import type { VersionComparison } from '../../../evaluation/compare-manifests.ts';
import { modalityNames } from '../../../modalities/registry.ts';

export const compareQuerySchema = z.strictObject({
  with: z.string().min(1).meta({
    description: 'The other one: a version or an alias of the same head, or `name@version` of any.',
    example: '3',
  }),
});

const versionSchema = z.object({ name: z.string(), version: z.int(), createdAt: z.iso.datetime() });

/** What `GET /v1/heads/{name}/versions/{version}/compare` answers. */
export const versionComparisonSchema = z
  .object({
    first: versionSchema,
    second: versionSchema,
    labels: z
      .object({ added: z.array(z.string()), removed: z.array(z.string()) })
      .meta({ description: 'What only the second may answer, and what only the first may.' }),
    differences: z
      .array(
        z.object({
          field: z.string().meta({ description: 'Where it stands in head.json.' }),
          first: z.unknown().optional(),
          second: z.unknown().optional(),
        }),
      )
      .meta({ description: 'All else that was not the same when they were trained.' }),
    testedOn: z
      .object({ examples: z.enum(['the same', 'others', 'unknown']), why: z.string() })
      .meta({ description: 'Whether the figures may be held against each other.' }),
    figures: z
      .array(
        z.object({
          answersFrom: z.enum(['fused', ...modalityNames]),
          name: z.string(),
          first: z.number().optional(),
          second: z.number().optional(),
          difference: z.number().optional().meta({ description: 'The second’s less the first’s.' }),
        }),
      )
      .meta({ description: 'Each on its own test split; a side that has no such figure is absent.' }),
  })
  .meta({
    id: 'VersionComparison',
    example: {
      first: { name: 'pets', version: 2, createdAt: '2026-01-31T12:00:00.000Z' },
      second: { name: 'pets', version: 3, createdAt: '2026-02-28T12:00:00.000Z' },
      labels: { added: ['rabbit'], removed: [] },
      differences: [{ field: 'training.recipe.adapter', first: 'mlp', second: 'linear' }],
      testedOn: { examples: 'the same', why: 'measured on the same 300 test examples' },
      figures: [
        { answersFrom: 'fused', name: 'accuracy', first: 0.91, second: 0.93, difference: 0.02 },
        { answersFrom: 'fused', name: 'examples', first: 300, second: 300, difference: 0 },
      ],
    },
  }) satisfies z.ZodType<VersionComparison>;
