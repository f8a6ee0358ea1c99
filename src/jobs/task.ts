import type { ColumnNames } from '../datasets/example.ts';
import type { SplitChoice } from '../datasets/split/split-rows.ts';
import type { EncoderOptions } from '../encoders/encoders.ts';
import type { EncoderReference } from '../encoders/reference.ts';
import type { StoreOptions } from '../store/store.ts';
import type { EvaluatedSplit, TuningRequest } from '../training/choices.ts';
import type { Recipe } from '../training/loop/recipe.ts';
import type { TrainingProgress } from '../training/progress.ts';
import type { JobFailure } from './failure.ts';
import type { JobKind, JobOutcome } from './job.ts';
import type { Ownership } from './ownership.ts';

/** What a job is to do, as it was asked for. */
export interface JobTask {
  /** A head that is to be made, a comparison over so many seeds, or a version of a head that is to be measured: `pets@2`. */
  work:
    | (TuningRequest & {
        head: string;
        seed: number;
        search?: boolean;
        refit?: boolean;
        acceptAccuracy?: number;
        /** The head of label names to start from, as it was then: `animals@1`. */
        startFrom?: string;
        recipe?: Partial<Recipe>;
      })
    | { compare: number }
    | { evaluate: { head: string; split?: EvaluatedSplit } };
  /** How the rows of a dataset that is not imported yet are to be read. */
  reading: Partial<ColumnNames>;
  /** How the test side is drawn, where the dataset has no split of its own. */
  split?: SplitChoice;
  /** The id of an imported dataset, the name of a folder among the server's datasets, or an upload among the artifacts. */
  source: { imported: string } | { folder: string } | { upload: string; fileName: string };
  /** The encoders of the server that accepted it; jobs of earlier releases name none. */
  encoders?: RequiredEncoders;
}

/** Encoders by modality: a head made with others answers nothing on the servers that it was asked for. */
export type RequiredEncoders = Record<string, EncoderReference>;

/** What the server that runs a job has for it. */
export interface TrainingPlace {
  store: StoreOptions;
  encoders: EncoderOptions;
  /** Folder of the heads that ship with the program. */
  shippedHeads: string;
  /** Folder of the datasets' folders that requests may name. */
  datasets: string;
  /** Most memory that the process may have while it reads a dataset that is not imported, in MiB. */
  readingMemory: number;
  /** Milliseconds that a head may take for a run, where it was imported. */
  headTimeout: number;
  /** Folder that this job has to itself; what is in it when it is interrupted is there when it goes on. */
  folder: string;
}

/** What a training starts with. */
export interface TrainingStart {
  start: { owner: Ownership; task: JobTask; place: TrainingPlace };
}

/**
 * What the training process is told: to start, to stop for good, or to write and upload a last checkpoint and stop, so
 * that another server resumes.
 */
export type TrainingOrder = TrainingStart | 'cancel' | 'hand-over';

/** What it tells. */
export type TrainingMessage =
  | { kind: 'read' }
  | { kind: 'progress'; progress: TrainingProgress }
  | { kind: 'note'; note: string }
  | { kind: 'done'; outcome: JobOutcome }
  | { kind: 'failed'; failure: JobFailure }
  | { kind: 'handed-over' };

/** Below this lie the checkpoints of a job that is not over. */
export function checkpointsKey(id: string): string {
  return `checkpoints/${id}`;
}

/** What a job is to do, in one word. */
export function kindOf(work: JobTask['work']): JobKind {
  if ('compare' in work) return 'compare';
  return 'evaluate' in work ? 'evaluate' : 'train';
}

/** Formats of the table of answers that an evaluation writes. */
export const predictionFormats = ['csv', 'jsonl'] as const;
export type PredictionFormat = (typeof predictionFormats)[number];

/** Key of a file that a comparison or an evaluation writes: its page, or its table of answers. */
export function outcomeKey(
  kind: Exclude<JobKind, 'train'>,
  id: string,
  extension: 'html' | PredictionFormat = 'html',
): string {
  return `${kind === 'compare' ? 'comparisons' : 'evaluations'}/${id}.${extension}`;
}
