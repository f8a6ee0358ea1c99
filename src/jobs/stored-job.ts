import { z } from 'zod';
import type { ColumnNames } from '../datasets/example.ts';
import { splitMethods } from '../datasets/split/split.ts';
import { TandemError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { evaluatedSplits } from '../training/choices.ts';
import type { Comparison } from '../training/comparison.ts';
import type { Evaluation } from '../training/evaluation.ts';
import type { Recipe } from '../training/loop/recipe.ts';
import type { TrainingProgress, TrainingSummary } from '../training/progress.ts';
import { type Job, jobKinds, jobStates } from './job.ts';
import type { JobTask } from './task.ts';

/** Where the state of each training of a job lies among the artifacts, and how many steps it had taken. */
export type KeptCheckpoint = z.output<typeof checkpointSchema>;

/** An object that only this program writes: it is handed on as it was written. */
const asWritten = <Value extends object>() =>
  z.custom<Value>((value) => typeof value === 'object' && value !== null, 'must be an object');

/** A schema for each field: one that is forgotten would be lost when it is read. */
type Fields<Value> = { [Field in keyof Value]-?: z.ZodType<Value[Field]> };
type HeadWork = Extract<JobTask['work'], { head: string }>;

const jobSchema = z.object({
  id: z.string(),
  kind: z.enum(jobKinds),
  state: z.enum(jobStates),
  reason: z.string().optional(),
  outages: z.int().optional(),
  nextTryAt: z.string().optional(),
  head: z.string().optional(),
  dataset: z.string(),
  priority: z.int(),
  submittedBy: z.string().optional(),
  createdAt: z.string(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  progress: asWritten<TrainingProgress>().optional(),
  notes: z.array(z.string()).optional(),
  result: asWritten<TrainingSummary>().optional(),
  comparison: asWritten<Comparison>().optional(),
  evaluation: asWritten<Evaluation>().optional(),
  error: asWritten<NonNullable<Job['error']>>().optional(),
} satisfies Fields<Job>);

const encoderPart = z.object({ id: z.string(), fingerprint: z.string() });

const taskSchema = z.object({
  work: z.union([
    z.object({
      head: z.string(),
      seed: z.int(),
      search: z.boolean().optional(),
      refit: z.boolean().optional(),
      acceptAccuracy: z.number().optional(),
      startFrom: z.string().optional(),
      tune: z.union([z.string(), z.array(z.string())]).optional(),
      batchSize: z.int().optional(),
      accumulate: z.int().optional(),
      memory: z.int().optional(),
      recipe: asWritten<Partial<Recipe>>().optional(),
    } satisfies Fields<HeadWork>),
    z.object({ compare: z.int() }),
    z.object({ evaluate: z.object({ head: z.string(), split: z.enum(evaluatedSplits).optional() }) }),
  ]),
  reading: asWritten<Partial<ColumnNames>>(),
  split: z.object({ testShare: z.number().optional(), splitBy: z.enum(splitMethods).optional() }).optional(),
  source: z.union([
    z.object({ imported: z.string() }),
    z.object({ folder: z.string() }),
    z.object({ upload: z.string(), fileName: z.string() }),
  ]),
  encoders: z.record(z.string(), encoderPart.extend({ parts: z.array(encoderPart).optional() })).optional(),
} satisfies Fields<JobTask>);

const checkpointSchema = z.record(z.string(), z.object({ key: z.string(), step: z.int() }));

/** A row of the jobs, or a part of it. */
interface Row {
  id: string;
}

/** @throws TandemError `damaged-artifact` naming the job */
export function readJob({ id, job }: Row & { job: string }): Job {
  return parseJson(jobSchema, job, `what is stored of the job ${id}`);
}

/**
 * What is read of a job, undefined where it is damaged, so that one job holds up no others.
 * @example const jobs = rows.flatMap((row) => unlessDamaged(() => readJob(row)) ?? []);
 */
export function unlessDamaged<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TandemError && error.code === 'damaged-artifact') return undefined;
    throw error;
  }
}

/** @throws TandemError `damaged-artifact` naming the job */
export function readTask({ id, task }: Row & { task: string }): JobTask {
  return parseJson(taskSchema, task, `the task of the job ${id}`);
}

/** The last checkpoint of a job; empty where it has none. @throws TandemError `damaged-artifact` naming the job */
export function readCheckpoint({ id, checkpoint }: Row & { checkpoint: string | null }): KeptCheckpoint {
  return parseJson(checkpointSchema, checkpoint ?? '{}', `the checkpoint of the job ${id}`);
}
