import type { Request } from 'express';
import { z } from 'zod';
import { splitMethods } from '../../../datasets/split/split.ts';
import { headNamePattern } from '../../../heads/registry/head-name.ts';
import { type Job, jobStates } from '../../../jobs/job.ts';
import * as choices from '../../../training/choices.ts';
import { chooseRecipe, type RecipeChoices } from '../../../training/loop/recipe.ts';
import { formFile, formNumber, notText, readJsonOrForm } from '../../http/body.ts';
import type { Services } from '../../pipeline/services.ts';
import { metricsSchema, targetSchema } from '../heads/head-routes.ts';
import { rowReading } from '../row-reading.ts';
import { comparisonSchema } from './comparison-schema.ts';

const seed = choices.seed.meta({ description: 'Same seed, same head.', example: 0 });
const head = z
  .string()
  .regex(headNamePattern, 'must be up to 64 of a-z 0-9 . _ -')
  .meta({ description: 'Name of the head to make; one that exists gets its next version.', example: 'pets' });

const compare = z.boolean().meta({
  description: 'Compare every strategy on equal terms instead of making a head.',
  example: true,
});
const seeds = choices.seeds.meta({
  description: 'Of a comparison: how many splits to train on; default: 5.',
  example: 5,
});
const priority = z.int().min(-100).max(100).meta({
  description: 'Jobs with a higher one are done first; default: 0.',
  example: 0,
});
const testShare = choices.testShare.meta({
  description:
    'Fraction of the examples held out for evaluation, where the dataset has no split of its own; default: 0.2.',
  example: 0.2,
});
const splitBy = z.enum(splitMethods).meta({
  description:
    'Draw them label by label (`stratified`, the default), or each by its content, so that sides last when the dataset grows.',
});
const refit = z.boolean().meta({
  description:
    'Whether the served head is trained anew on every row once it is measured; default: where the dataset has no split of its own.',
  example: true,
});
const search = z.boolean().meta({
  description:
    'Whether cross-validation chooses what the recipe leaves open, and calibrates the predictions; default: true. Without it a training takes the default recipe: much faster, for a first look.',
  example: true,
});
const acceptAccuracy = choices.acceptAccuracy.meta({
  description:
    'The share of right answers that is wished for among those that are accepted: every answer then says `decision` and `reasons`. The threshold is found on the held-out examples.',
  example: 0.95,
});
/** What a head's recipe may be told; a comparison tries them itself. */
const recipeChoices = {
  strategy: choices.recipeChoices.strategy.meta({
    description: 'How the modalities are balanced, or the one to learn from alone; default: `arl`.',
    example: 'arl',
  }),
  fusion: choices.recipeChoices.fusion.meta({
    description: 'How they are joined; default: `concat`.',
    example: 'concat',
  }),
  variance: choices.recipeChoices.variance.meta({
    description:
      'What ARL takes for the variance of a modality: the entropy of its answers, or how they vary under dropout.',
    example: 'entropy',
  }),
  classWeights: choices.recipeChoices.classWeights.meta({
    description: '`balanced`: rare labels count as much as common ones.',
    example: 'none',
  }),
} satisfies { [Choice in keyof RecipeChoices]: z.ZodType<RecipeChoices[Choice] | undefined> };
const choiceNames = Object.keys(recipeChoices) as (keyof RecipeChoices)[];

/** What a request for a job may not say together. */
type Asked = {
  head?: string;
  seed?: number;
  compare?: boolean;
  seeds?: number;
  search?: boolean;
  refit?: boolean;
  acceptAccuracy?: number;
} & Partial<RecipeChoices>;
const contradictions: { at: string; message: string; isIn(asked: Asked): boolean }[] = [
  {
    at: 'head',
    message: 'name a head to make or set compare, and not both',
    isIn: ({ head, compare }) => (head === undefined) !== (compare === true),
  },
  {
    at: 'compare',
    message: 'a comparison tries every strategy; leave out the choices for a head',
    isIn: (asked) => asked.compare === true && choiceNames.some((name) => asked[name] !== undefined),
  },
  {
    at: 'search',
    message: 'a comparison searches for no recipe; leave it out',
    isIn: ({ search, compare }) => search !== undefined && compare === true,
  },
  {
    at: 'refit',
    message: 'a comparison serves no head; leave it out',
    isIn: ({ refit, compare }) => refit !== undefined && compare === true,
  },
  {
    at: 'acceptAccuracy',
    message: 'a comparison serves no head; leave it out',
    isIn: ({ acceptAccuracy, compare }) => acceptAccuracy !== undefined && compare === true,
  },
  {
    at: 'seeds',
    message: 'they are a comparison’s; set compare, or leave them out',
    isIn: ({ seeds, compare }) => seeds !== undefined && compare !== true,
  },
  {
    at: 'seed',
    message: 'a comparison takes the seeds from 0 on; say how many with seeds',
    isIn: ({ seed, compare }) => seed !== undefined && compare === true,
  },
];
const refuseContradictions = (asked: Asked, context: z.RefinementCtx) => {
  for (const { at, message, isIn } of contradictions)
    if (isIn(asked)) context.addIssue({ code: 'custom', message, path: [at] });
};

export const jsonSchema = z
  .strictObject({
    head: head.optional(),
    dataset: z
      .string()
      .regex(
        /^[\w][\w.-]*$/,
        'must be the id of a dataset, or the name of a folder among the server’s datasets',
      )
      .meta({ example: 'pets' }),
    seed: seed.optional(),
    compare: compare.optional(),
    seeds: seeds.optional(),
    priority: priority.optional(),
    testShare: testShare.optional(),
    splitBy: splitBy.optional(),
    search: search.optional(),
    refit: refit.optional(),
    acceptAccuracy: acceptAccuracy.optional(),
    ...recipeChoices,
    ...rowReading,
  })
  .superRefine(refuseContradictions)
  .meta({ id: 'JobRequest', example: { head: 'pets', dataset: 'pets', seed: 0 } });

/** What a form's field says that is true or false. */
const trueOrFalse = z.enum(['true', 'false']).transform((text) => text === 'true');
/** What a form's field says that lies between 0 and 1. */
const formShare = (share: z.ZodNumber) =>
  z
    .string()
    .regex(/^0?\.\d+$/, 'must lie between 0 and 1')
    .transform(Number)
    .pipe(share);
const formFields = {
  head: head.optional(),
  seed: formNumber(seed).optional(),
  compare: trueOrFalse.optional(),
  seeds: formNumber(seeds).optional(),
  priority: formNumber(priority).optional(),
  testShare: formShare(testShare).optional(),
  splitBy: splitBy.optional(),
  search: trueOrFalse.optional(),
  refit: trueOrFalse.optional(),
  acceptAccuracy: formShare(acceptAccuracy).optional(),
  ...recipeChoices,
  ...rowReading,
};
const formFieldsSchema = z.strictObject({ ...formFields, file: notText }).superRefine(refuseContradictions);
export const formSchema = z
  .strictObject({
    ...formFields,
    file: formFile(
      'A zip or tar file of the dataset, or a table (CSV, TSV, JSON lines or JSON) that holds its images.',
    ),
  })
  .meta({ id: 'JobForm' });

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
export const jobSchema = z
  .object({
    id: z.string(),
    kind: z.enum(['train', 'compare']),
    state: z.enum(jobStates).meta({
      description: '`cancelling`: it runs, was asked to stop, and does within a second or so.',
    }),
    reason: z.string().optional().meta({ description: 'Why it is in this state, where that is not plain.' }),
    outages: z
      .int()
      .optional()
      .meta({ description: 'How often it was queued again because a store was away.' }),
    nextTryAt: z.iso.datetime().optional().meta({ description: 'When a job that was queued again is due.' }),
    head: z.string().optional().meta({ description: 'A comparison makes none.' }),
    dataset: z.string(),
    priority: z.int(),
    createdAt: z.iso.datetime(),
    startedAt: z.iso.datetime().optional(),
    finishedAt: z.iso.datetime().optional(),
    progress: z
      .object({
        stage: z.enum(['checking', 'features', 'search', 'training', 'refit', 'evaluation', 'comparison']),
        done: z.int(),
        total: z.int(),
        loss: z.number().optional(),
        accuracy: z.number().optional(),
      })
      .optional(),
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
        metrics: metricsSchema,
        seconds: z.object({ features: z.number(), training: z.number(), total: z.number() }).optional(),
        folder: z.string(),
      })
      .optional(),
    comparison: comparisonSchema.optional(),
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

const defaultSeeds = 5;

/**
 * Reads the body of a request for a job that a body parser has been over.
 * @throws ZodError naming each bad field; TandemError `invalid-request` where the file is missing
 * @example const job = await jobs.submit(parseJobRequest(request));
 */
export function parseJobRequest(request: Request): Parameters<Services['jobs']['submit']>[0] {
  const body = readJsonOrForm(request, { json: jsonSchema, form: formFieldsSchema });
  if ('json' in body) {
    const { dataset, ...rest } = body.json;
    return { ...workOf(rest), source: { dataset } };
  }
  const { file: _, ...fields } = body.form;
  return { ...workOf(fields), source: { file: body.file.path, fileName: body.file.name } };
}

function workOf<Rest extends object>({
  head,
  seed = 0,
  compare: _,
  seeds = defaultSeeds,
  search,
  refit,
  acceptAccuracy,
  strategy,
  fusion,
  variance,
  classWeights,
  ...reading
}: Asked & Rest) {
  const chosen = Object.entries({ strategy, fusion, variance, classWeights }).filter(([, choice]) => choice);
  const recipe = chosen.length > 0 ? { recipe: chooseRecipe(Object.fromEntries(chosen)) } : {};
  return {
    ...reading,
    work: head === undefined ? { compare: seeds } : { head, seed, search, refit, acceptAccuracy, ...recipe },
  };
}
