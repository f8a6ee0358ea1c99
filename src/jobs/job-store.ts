import type { Database } from '../store/database.ts';
import type { Job, JobEvent } from './job.ts';
import type { TrainingTask } from './training-process.ts';

/** A job as it was last written down. */
export interface StoredJob {
  job: Job;
  task: TrainingTask;
  cancelled: boolean;
  events: JobEvent[];
}

/** Keeps jobs over the end of the process. What a call has written when it resolves, no crash takes back. */
export class JobStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All of them, the oldest first. */
  async load(): Promise<StoredJob[]> {
    const rows = await this.#database
      .selectFrom('job')
      .selectAll()
      .orderBy('createdAt')
      .orderBy('id')
      .execute();
    const events = await this.#database.selectFrom('jobEvent').selectAll().orderBy('number').execute();
    const byJob = Map.groupBy(events, ({ jobId }) => jobId);
    return rows.map(({ id, job, task, cancelled }) => ({
      job: JSON.parse(job),
      task: JSON.parse(task),
      cancelled: cancelled === 1,
      events: (byJob.get(id) ?? []).map(({ number, type, job }) => ({
        id: number,
        type: type as JobEvent['type'],
        job: JSON.parse(job),
      })),
    }));
  }

  async add(job: Job, task: TrainingTask): Promise<void> {
    await this.#database
      .insertInto('job')
      .values({
        id: job.id,
        createdAt: job.createdAt,
        job: JSON.stringify(job),
        task: JSON.stringify(task),
        cancelled: 0,
      })
      .execute();
  }

  /** Writes a change and the job as it is with it. */
  async record(event: JobEvent): Promise<void> {
    const { id, type } = event;
    const job = JSON.stringify(event.job);
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.updateTable('job').set({ job }).where('id', '=', event.job.id).execute();
      await transaction
        .insertInto('jobEvent')
        .values({ jobId: event.job.id, number: id, type, job })
        .execute();
    });
  }

  async markCancelled(id: string): Promise<void> {
    await this.#database.updateTable('job').set({ cancelled: 1 }).where('id', '=', id).execute();
  }
}
