import type { Transaction } from 'kysely';
import type { Tables } from '../store/database/database.ts';

/** Brings queued jobs to a server that has a hand free, the one with the highest priority first. */
export interface Dispatcher {
  /** Offers a job, in the transaction that queues it. */
  offer(transaction: Transaction<Tables>, id: string, priority: number): Promise<void>;
  /** Begins to bring jobs. `run` resolves when it has ended, and rejects where another server should go on with it. */
  start(run: (id: string) => Promise<void>): Promise<void>;
  /** Looks at once whether there is something to do. */
  wake(): void;
  /** Takes jobs back that this server had in hand when it crashed. */
  recover(ids: readonly string[]): Promise<void>;
  /** Brings no more, and waits until those that run have ended. */
  close(): Promise<void>;
}
