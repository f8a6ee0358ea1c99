import type { TandemError } from '../errors.ts';
import type { Modality, Prediction, PredictionInput } from '../inference/prediction.ts';
import type { Job, JobEvent } from '../jobs/job.ts';
import type { HeadMetrics } from '../training/progress.ts';

/** A registered head version, as `GET /v1/heads` shows it. */
export interface HeadSummary {
  name: string;
  version: number;
  labels: string[];
  modalities: Modality[];
  createdAt: string;
  metrics: { fused: HeadMetrics; image?: HeadMetrics; text?: HeadMetrics };
}

/** Everything the HTTP layer asks of the rest of the program. It knows no tensors, files or processes. */
export interface Services {
  /**
   * Classifies a batch. Each item is answered by itself: a bad item yields its own TandemError in its place.
   * @throws TandemError `unknown-head`, `overloaded`, `deadline-exceeded` for the batch as a whole.
   */
  predict(
    inputs: PredictionInput[],
    options: { head: string; topK: number; signal: AbortSignal },
  ): Promise<{ head: { name: string; version: number }; results: (Prediction | TandemError)[] }>;
  /** The latest version of every head. */
  heads(): Promise<HeadSummary[]>;
  jobs: {
    /**
     * Starts a fine-tuning in the background. `archive` is the path of an uploaded zip, which the job owns from
     * here on; `dataset` names a folder below the server's dataset folder.
     * @throws TandemError `unknown-dataset`, `invalid-request` (head name), `overloaded` (queue full).
     */
    submit(request: {
      head: string;
      source: { dataset: string } | { archive: string; fileName: string };
      seed?: number;
    }): Promise<Job>;
    list(): Job[];
    /** @throws TandemError `unknown-job` */
    get(id: string): Job;
    /** Events after `lastEventId` (0: all), then live ones until the job ends or the signal aborts. */
    events(id: string, lastEventId: number, signal: AbortSignal): AsyncIterable<JobEvent>;
    /** @throws TandemError `unknown-job` */
    cancel(id: string): Job;
  };
  /** True where a real inference succeeded a moment ago. */
  ready(): Promise<boolean>;
  /** Execution provider in use. */
  provider: 'cpu' | 'cuda';
}
