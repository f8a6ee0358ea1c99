import type { Transaction } from 'kysely';
import type { Tables } from '../store/database/database.ts';
import type { OfferedJob } from './job-reader.ts';
import type { RequiredEncoders } from './task.ts';

/**
 * Runs a job to where it is over, or queued again.
 * @param claim token to take it with; see `Ownership`
 */
export type RunJob = (id: string, claim?: number) => Promise<void>;

/** Brings queued jobs to a server that has a hand free, the one with the highest priority first. */
export interface Dispatcher {
  /**
   * Offers a job, in the transaction that queues it, in the place of earlier offers.
   * @param delay seconds until it is brought at the earliest
   */
  offer(transaction: Transaction<Tables>, job: OfferedJob, delay?: number): Promise<void>;
  /** Begins to bring jobs. `run` rejects where the job is to be brought again. */
  start(run: RunJob): Promise<void>;
  /** Brings jobs for these encoders as well, which this server has. */
  serve(encoders: RequiredEncoders): Promise<void>;
  /** Looks at once whether there is something to do. */
  wake(): void;
  /** Offers jobs again that are brought to nobody any more. */
  restore(waiting: readonly OfferedJob[]): Promise<void>;
  /** Brings no more. */
  stop(): Promise<void>;
  /** Brings no more, and waits until those that run have ended. */
  close(): Promise<void>;
}
