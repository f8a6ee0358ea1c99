import type { ErrorItem } from '../errors.ts';
import type { TrainingProgress, TrainingSummary } from '../training/progress.ts';

export type JobState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** One fine-tuning, as `GET /v1/jobs/{id}` shows it. Times are ISO 8601 in UTC. */
export interface Job {
  id: string;
  state: JobState;
  /** Name of the head that the job makes. */
  head: string;
  /** Name of the dataset, or the file name of the upload. */
  dataset: string;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  progress?: TrainingProgress;
  result?: TrainingSummary;
  error?: { code: string; title: string; detail: string; fix: string; items: readonly ErrorItem[] };
}

/** A change of a job, numbered from 1 within the job, so that a reader can resume after the last one seen. */
export interface JobEvent {
  id: number;
  type: 'state' | 'progress';
  job: Job;
}
