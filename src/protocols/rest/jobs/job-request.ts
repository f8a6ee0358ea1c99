import type { Request } from 'express';
import { z } from 'zod';
import { splitMethods } from '../../../datasets/split/split.ts';
import { namesByModality } from '../../../encoders/encoder-names.ts';
import { headNamePattern } from '../../../heads/registry/head-name.ts';
import type { JobRequest } from '../../../jobs/queue.ts';
import * as choices from '../../../training/choices.ts';
import { chooseRecipe, type RecipeChoices } from '../../../training/loop/recipe.ts';
import { formFile, formNumber, notText, readJsonOrForm } from '../../http/body.ts';
import { headReference } from '../../pipeline/path-names.ts';
import { rowReading } from '../row-reading.ts';
import { type Asked, refuseContradictions } from './job-purpose.ts';

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
const evaluate = headReference.meta({
  description:
    'Measure this head on the dataset instead of making one: `name`, `name@3`, or `name@production` where that is an alias.',
  example: 'pets@2',
});
const split = z.enum(choices.evaluatedSplits).meta({
  description:
    'Of an evaluation: all examples, or those of one side that the dataset marks; where it marks none, those that the head was trained or measured on. By default the side `test` where the dataset marks one, else all.',
  example: 'test',
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
const startFrom = headReference.meta({
  description:
    'A head that `POST /v1/heads/{name}/zero-shot` made: the training takes its encoders, and blends few examples with the names of the labels.',
  example: 'animals@1',
});
const tune = choices.tune.meta({
  description:
    'What of the encoders is trained with the head: the last blocks (`text:last-2`, `image:last-1`) or adapters on them (`text:lora-8`), one of each modality in a list, or `auto` to find out what pays. An encoder stays as it is where held-out examples say that tuning does not pay.',
  example: 'text:last-2',
});
const [batchSize, accumulate, memory] = [
  choices.tuningBatches.batchSize.unwrap().meta({
    description: 'Of a tuning: examples that a step learns from; default: 32.',
    example: 32,
  }),
  choices.tuningBatches.accumulate.unwrap().meta({
    description:
      'Of a tuning: compute each batch in so many parts, one after the other: less memory, and about a third slower.',
    example: 4,
  }),
  choices.tuningBatches.memory.unwrap().meta({
    description:
      'Of a tuning: MiB that it may take; the job fails before it begins where it needs more. By default what is free.',
    example: 2048,
  }),
];
/** The encoder of each modality; those of the server where it is not said. */
const encoderNames = {
  imageEncoder: choices.encoderNames.imageEncoder.meta({
    description:
      'Id of the image encoder, as `GET /v1/models` lists them; of several, as `a+b`, the head takes the features of each. Default: the server’s.',
    example: 'efficientnet-lite0',
  }),
  textEncoder: choices.encoderNames.textEncoder.meta({
    description: 'Id of the text encoder, or of several, as `a+b`; default: the server’s.',
    example: 'all-MiniLM-L6-v2',
  }),
};
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
  lexical: choices.recipeChoices.lexical.meta({
    description:
      'Whether the head also reads the characters of texts, which helps where the text encoder does not know their language or words: `auto` (the default) where cross-validation finds that it does.',
    example: 'auto',
  }),
} satisfies { [Choice in keyof RecipeChoices]: z.ZodType<RecipeChoices[Choice] | undefined> };

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
    evaluate: evaluate.optional(),
    split: split.optional(),
    priority: priority.optional(),
    testShare: testShare.optional(),
    splitBy: splitBy.optional(),
    search: search.optional(),
    refit: refit.optional(),
    acceptAccuracy: acceptAccuracy.optional(),
    startFrom: startFrom.optional(),
    tune: tune.optional(),
    batchSize: batchSize.optional(),
    accumulate: accumulate.optional(),
    memory: memory.optional(),
    ...recipeChoices,
    ...encoderNames,
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
  evaluate: evaluate.optional(),
  split: split.optional(),
  priority: formNumber(priority).optional(),
  testShare: formShare(testShare).optional(),
  splitBy: splitBy.optional(),
  search: trueOrFalse.optional(),
  refit: trueOrFalse.optional(),
  acceptAccuracy: formShare(acceptAccuracy).optional(),
  startFrom: startFrom.optional(),
  tune: z
    .string()
    .transform((text): string | string[] => text.split(','))
    .pipe(choices.tune)
    .meta({ description: 'As in JSON; several with a comma between them.', example: 'text:last-2' })
    .optional(),
  batchSize: formNumber(batchSize).optional(),
  accumulate: formNumber(accumulate).optional(),
  memory: formNumber(memory).optional(),
  ...recipeChoices,
  ...encoderNames,
  ...rowReading,
};
const formFieldsSchema = z.strictObject({ ...formFields, file: notText }).superRefine(refuseContradictions);
export const formSchema = z
  .strictObject({
    ...formFields,
    file: formFile(
      'A zip or tar file of the dataset, or a table (CSV, TSV, JSON lines, JSON, Parquet or Excel) that holds its images.',
    ),
  })
  .meta({ id: 'JobForm' });

const defaultSeeds = 5;

/**
 * Reads the body of a request for a job that a body parser has been over.
 * @throws ZodError naming each bad field; TandemError `invalid-request` where the file is missing
 * @example const job = await jobs.submit(parseJobRequest(request));
 */
export function parseJobRequest(request: Request): JobRequest {
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
  evaluate,
  split,
  search,
  refit,
  acceptAccuracy,
  startFrom,
  tune,
  batchSize,
  accumulate,
  memory,
  strategy,
  fusion,
  variance,
  classWeights,
  lexical,
  imageEncoder,
  textEncoder,
  ...reading
}: Asked & Rest) {
  const doing = (work: JobRequest['work']): Omit<JobRequest, 'source'> => ({
    ...reading,
    ...((imageEncoder ?? textEncoder) && { encoders: namesByModality({ imageEncoder, textEncoder }) }),
    work,
  });
  if (evaluate !== undefined) return doing({ evaluate: { head: evaluate, split } });
  if (head === undefined) return doing({ compare: seeds });
  const chosen = Object.entries({ strategy, fusion, variance, classWeights, lexical }).filter(
    ([, choice]) => choice,
  );
  const recipe = chosen.length > 0 ? { recipe: chooseRecipe(Object.fromEntries(chosen)) } : {};
  const tuning = { tune, batchSize, accumulate, memory };
  return doing({ head, seed, search, refit, acceptAccuracy, startFrom, ...tuning, ...recipe });
}
