import type { z } from 'zod';
import type { SplitMethod } from '../../../datasets/split/split.ts';
import type { EncoderNames } from '../../../encoders/encoder-names.ts';
import { type EvaluatedSplit, type TuningRequest, tuningBatches } from '../../../training/choices.ts';
import type { RecipeChoices } from '../../../training/loop/recipe.ts';

/** What a request for a job may name. */
export type Asked = {
  head?: string;
  seed?: number;
  compare?: boolean;
  seeds?: number;
  evaluate?: string;
  split?: EvaluatedSplit;
  search?: boolean;
  refit?: boolean;
  acceptAccuracy?: number;
  startFrom?: string;
  testShare?: number;
  splitBy?: SplitMethod;
} & EncoderNames &
  TuningRequest &
  Partial<RecipeChoices>;

/** The fields that say what a job does, one of which each request names; and what it does then. */
const purposes = {
  head: 'makes a head',
  compare: 'compares the strategies',
  evaluate: 'measures a head',
} as const;
type Purpose = keyof typeof purposes;
const purposeNames = Object.keys(purposes) as Purpose[];

/** Whose the options are. */
const optionOf = {
  seed: ['head'],
  search: ['head'],
  refit: ['head'],
  acceptAccuracy: ['head'],
  startFrom: ['head'],
  tune: ['head'],
  batchSize: ['head'],
  accumulate: ['head'],
  memory: ['head'],
  strategy: ['head'],
  fusion: ['head'],
  variance: ['head'],
  classWeights: ['head'],
  lexical: ['head'],
  seeds: ['compare'],
  testShare: ['head', 'compare'],
  splitBy: ['head', 'compare'],
  imageEncoder: ['head', 'compare'],
  textEncoder: ['head', 'compare'],
  split: ['evaluate'],
} as const satisfies Record<Exclude<keyof Asked, Purpose>, readonly Purpose[]>;
const optionNames = Object.keys(optionOf) as (keyof typeof optionOf)[];

/** How a tuning computes its batches. */
const ofTuning: readonly string[] = Object.keys(tuningBatches);

/** Refuses what does not say what to do, or says two things, and options of something else, each by its name. */
export const refuseContradictions = (asked: Asked, context: z.RefinementCtx) => {
  const refuse = (at: string, message: string) => context.addIssue({ code: 'custom', message, path: [at] });
  const [purpose, ...others] = purposeNames.filter(
    (name) => asked[name] !== undefined && asked[name] !== false,
  );
  if (purpose === undefined || others.length > 0)
    return refuse(
      purpose ?? 'head',
      'name one of: a head to make (head), compare, or a head to measure (evaluate)',
    );
  for (const name of optionNames) {
    const owners: readonly Purpose[] = optionOf[name];
    if (asked.tune === undefined && asked[name] !== undefined && ofTuning.includes(name))
      refuse(name, 'only a tuning takes it: say what is to be tuned (tune), or leave it out');
    else if (asked[name] !== undefined && !owners.includes(purpose))
      refuse(name, `it is no option of a job that ${purposes[purpose]} (${purpose}); leave it out`);
  }
};
