import { z } from 'zod';
import { startSchema, tuningHeldOutSchema } from '../../../heads/manifest.ts';
import { type Job, jobKinds, jobStates } from '../../../jobs/job.ts';
import { pretrainedNames } from '../../../modalities/registry.ts';
import { metricsSchema, targetSchema } from '../heads/head-routes.ts';
import { comparisonSchema } from './comparison-schema.ts';
import { evaluationSchema } from './evaluation-schema.ts';

const exampleJob = {
  id: '5b0e1d3e-4f0b-4c53-9d0f-6a2f5c0e7a11',
  kind: 'train',
  state: 'running',
  head: 'pets',
  dataset: 'pets.zip',
  priority: 0,
  createdAt: '2026-01-31T12:00:00.000Z',
  startedAt: '2026-01-31T12:00:01.000Z',
  progress: { stage: 'training', done: 120, total: 600, loss: 0.84, accuracy: 0.71 },
};
/** A number for each encoder that it is of. */
const byEncoder = () => z.partialRecord(z.enum(pretrainedNames), z.int());

/** A job, as answers show it. */
export const jobSchema = z
  .object({
    id: z.string(),
    kind: z.enum(jobKinds),
    state: z.enum(jobStates).meta({
      description: '`cancelling`: it runs, was asked to stop, and does within a second or so.',
    }),
    reason: z.string().optional().meta({ description: 'Why it is in this state, where that is not plain.' }),
    outages: z
      .int()
      .optional()
      .meta({ description: 'How often it was queued again because a store was away.' }),
    nextTryAt: z.iso.datetime().optional().meta({ description: 'When a job that was queued again is due.' }),
    head: z.string().optional().meta({
      description:
        'Name of the head that the job makes, or `name@version` of the one that it measures; a comparison has none.',
    }),
    dataset: z.string(),
    priority: z.int(),
    submittedBy: z.string().optional().meta({
      description: 'Name of the API key that it was submitted with, where callers need one.',
    }),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().optional(),
    finishedAt: z.iso.datetime().optional(),
    progress: z
      .object({
        stage: z.enum([
          'checking',
          'features',
          'search',
          'training',
          'refit',
          'tuning',
          'evaluation',
          'comparison',
        ]),
        done: z.int(),
        total: z.int(),
        loss: z.number().optional(),
        accuracy: z.number().optional(),
      })
      .optional(),
    notes: z.array(z.string()).readonly().optional().meta({
      description:
        'What a person may want to know: rows left out, choices without effect, no threshold found.',
    }),
    result: z
      .object({
        head: z.string(),
        version: z.int(),
        target: targetSchema,
        labels: z.array(z.string()),
        examples: z.object({ training: z.int(), test: z.int() }),
        refit: z.object({ examples: z.int() }).optional().meta({
          description:
            'Where the served head was trained anew on both sides of the split, on so many examples.',
        }),
        tuning: z
          .object({
            blocks: byEncoder(),
            ranks: byEncoder().optional(),
            heldOut: tuningHeldOutSchema.optional(),
          })
          .optional()
          .meta({
            description:
              'Where blocks of encoders were trained with the head: how many of each, the rank of their adapters, and the loss on examples that were held out before and after.',
          }),
        metrics: metricsSchema,
        seconds: z.object({ features: z.number(), training: z.number(), total: z.number() }).optional(),
        startedFrom: startSchema.optional().meta({
          description:
            'Where it started from a head of label names: the target’s main figure on the held-out examples with none, 1, 4, 16 and all examples of each label, and without the names.',
        }),
        folder: z.string(),
      })
      .optional(),
    comparison: comparisonSchema.optional(),
    evaluation: evaluationSchema.optional(),
    error: z
      .object({
        code: z.string(),
        title: z.string(),
        detail: z.string(),
        fix: z.string(),
        items: z.array(z.object({ at: z.string(), detail: z.string() })),
      })
      .optional(),
  })
  .meta({
    id: 'Job',
    example: exampleJob,
  }) satisfies z.ZodType<Job>;

export const jobsSchema = z
  .object({ offset: z.int(), total: z.int(), jobs: z.array(jobSchema) })
  .meta({ example: { offset: 0, total: 1, jobs: [exampleJob] } });
