import type { ErrorItem } from '../errors.ts';
import type { Comparison } from '../training/comparison.ts';
import type { Evaluation } from '../training/evaluation.ts';
import type { TrainingProgress, TrainingSummary } from '../training/progress.ts';

export const jobStates = ['queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'] as const;
/** `cancelling`: it runs, and was asked to stop. */
export type JobState = (typeof jobStates)[number];

export const jobKinds = ['train', 'compare', 'evaluate'] as const;
export type JobKind = (typeof jobKinds)[number];

/** One fine-tuning, comparison or evaluation, as `GET /v1/jobs/{id}` shows it. Times are ISO 8601 in UTC. */
export interface Job {
  id: string;
  kind: JobKind;
  state: JobState;
  /** Why it is in this state, where that is not plain. */
  reason?: string;
  /** How often it was queued again because a store was away. */
  outages?: number;
  /** When a job that was queued again is due at the earliest. */
  nextTryAt?: string;
  /** Name of the head that the job makes, or `name@version` of the one that it measures. A comparison has none. */
  head?: string;
  /** Name of the dataset, or the file name of the upload. */
  dataset: string;
  /** Jobs with a higher one are done first. */
  priority: number;
  /** Name of the API key that it was submitted with. */
  submittedBy?: string;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  progress?: TrainingProgress;
  /** What a person may want to know of it: rows left out, choices without effect. */
  notes?: readonly string[];
  result?: TrainingSummary;
  comparison?: Comparison;
  evaluation?: Evaluation;
  error?: { code: string; title: string; detail: string; fix: string; items: readonly ErrorItem[] };
}

/** What a job found, by its kind. */
export type JobOutcome = Pick<Job, 'result' | 'comparison' | 'evaluation'>;

/** A change of a job, numbered upwards within the job, so that a reader can resume after the last one seen. */
export interface JobEvent {
  id: number;
  type: 'state' | 'progress';
  job: Job;
}

/** States that a job leaves by itself. */
export const unfinishedStates: readonly JobState[] = ['queued', 'running', 'cancelling'];

/** True in a state that a job does not leave by itself. */
export function isOver(state: JobState): boolean {
  return !unfinishedStates.includes(state);
}
