import type { Transaction } from 'kysely';
import { TandemError } from '../errors.ts';
import type { Database, Tables } from '../store/database/database.ts';
import { type Job, type JobEvent, type JobState, unfinishedStates } from './job.ts';
import type { JobTask } from './task.ts';

/** A job, and what only those need to know who run it. */
export interface StoredJob {
  job: Job;
  task: JobTask;
  /** Whether somebody asked it to stop. */
  isCancelled: boolean;
  /** The server that runs it, or did last. */
  runner: string | null;
}

/** What must still be true of a job for a change to be made. */
export interface ExpectedJob {
  states: readonly JobState[];
  runner?: string;
}

/** A change of a job; `runner` and `isCancelled` are not shown to anybody. */
export type JobChange = Partial<Job> & { runner?: string; isCancelled?: boolean };

type Within = (transaction: Transaction<Tables>) => Promise<void>;

/**
 * Jobs and their events in the database. What a call has written when it resolves, no crash takes back, and each change
 * is made as a whole, whoever else changes the same job.
 */
export class JobStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Adds a queued job.
   * @param maximumQueue how many may wait
   * @param within what happens in the same transaction
   * @throws TandemError `overloaded`
   */
  async add(job: Job, task: JobTask, maximumQueue: number, within: Within): Promise<void> {
    await this.#database.exclusively('jobs', async (transaction) => {
      const { waiting } = await transaction
        .selectFrom('job')
        .select(({ fn }) => fn.countAll<number | string>().as('waiting'))
        .where('state', '=', 'queued')
        .executeTakeFirstOrThrow();
      if (Number(waiting) >= maximumQueue)
        throw new TandemError('overloaded', `${waiting} jobs are waiting`, { retryAfter: 60 });
      const { id, createdAt, state, priority } = job;
      await transaction
        .insertInto('job')
        .values({
          id,
          createdAt,
          state,
          priority,
          runner: null,
          job: JSON.stringify(job),
          task: JSON.stringify(task),
          cancelled: 0,
        })
        .execute();
      await insertEvent(transaction, { id: 1, type: 'state', job });
      await within(transaction);
    });
  }

  /** Some of the jobs, the newest first, and how many there are. */
  async list({ offset, limit }: { offset: number; limit: number }): Promise<{ jobs: Job[]; total: number }> {
    const { query } = this.#database;
    const rows = await query
      .selectFrom('job')
      .select('job')
      .orderBy('createdAt', 'desc')
      .orderBy('id')
      .limit(limit)
      .offset(offset)
      .execute();
    const { count } = await query
      .selectFrom('job')
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    return { jobs: rows.map(({ job }) => JSON.parse(job)), total: Number(count) };
  }

  /** Every job, in no order. */
  async all(): Promise<Job[]> {
    const rows = await this.#database.query.selectFrom('job').select('job').execute();
    return rows.map(({ job }) => JSON.parse(job));
  }

  /** The id of a job that is not over and trains on an imported dataset, as a transaction sees it. */
  async trainingOn(transaction: Transaction<Tables>, dataset: string): Promise<string | undefined> {
    const rows = await transaction
      .selectFrom('job')
      .select(['id', 'task'])
      .where('state', 'in', unfinishedStates)
      .execute();
    const isOn = ({ source }: JobTask) => 'imported' in source && source.imported === dataset;
    return rows.find(({ task }) => isOn(JSON.parse(task)))?.id;
  }

  /** @throws TandemError `unknown-job` */
  async get(id: string): Promise<StoredJob> {
    const row = await this.#database.query
      .selectFrom('job')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw new TandemError('unknown-job', `no job has the id ${JSON.stringify(id)}`);
    const { job, task, cancelled, runner } = row;
    return { job: JSON.parse(job), task: JSON.parse(task), isCancelled: cancelled === 1, runner };
  }

  /** The job that is to be run next, but for some. */
  async next(excluded: readonly string[]): Promise<string | undefined> {
    const row = await this.#database.query
      .selectFrom('job')
      .select('id')
      .where('state', '=', 'queued')
      .$if(excluded.length > 0, (query) => query.where('id', 'not in', excluded))
      .orderBy('priority', 'desc')
      .orderBy('createdAt')
      .orderBy('id')
      .executeTakeFirst();
    return row?.id;
  }

  /** Jobs that a server had in hand when it was last heard of. */
  async heldBy(runner: string): Promise<string[]> {
    const rows = await this.#database.query
      .selectFrom('job')
      .select('id')
      .where('state', '=', 'running')
      .where('runner', '=', runner)
      .execute();
    return rows.map(({ id }) => id);
  }

  /**
   * Changes a job and writes down the event of it. A later progress replaces an earlier one: nobody who comes late
   * wants all of them.
   * @param within what happens in the same transaction
   * @returns the event; undefined where the job is not as expected, and then nothing is changed
   */
  change(
    id: string,
    expected: ExpectedJob,
    { runner, isCancelled, ...change }: JobChange,
    within?: Within,
  ): Promise<JobEvent | undefined> {
    return this.#database.exclusively('jobs', async (transaction) => {
      const row = await transaction
        .selectFrom('job')
        .select(['job', 'state', 'runner'])
        .where('id', '=', id)
        .executeTakeFirst();
      if (!row || !expected.states.includes(row.state as JobState)) return undefined;
      if (expected.runner !== undefined && expected.runner !== row.runner) return undefined;
      const job: Job = { ...JSON.parse(row.job), ...change };
      await transaction
        .updateTable('job')
        .set({
          job: JSON.stringify(job),
          state: job.state,
          ...(runner !== undefined && { runner }),
          ...(isCancelled !== undefined && { cancelled: Number(isCancelled) }),
        })
        .where('id', '=', id)
        .execute();
      const last = await transaction
        .selectFrom('jobEvent')
        .select(['number', 'type'])
        .where('jobId', '=', id)
        .orderBy('number', 'desc')
        .executeTakeFirst();
      if (last?.type === 'progress')
        await transaction
          .deleteFrom('jobEvent')
          .where('jobId', '=', id)
          .where('number', '=', last.number)
          .execute();
      const type = change.state ? 'state' : 'progress';
      const event: JobEvent = { id: (last?.number ?? 0) + 1, type, job };
      await insertEvent(transaction, event);
      await within?.(transaction);
      return event;
    });
  }

  /** Notes that a job is asked to stop, for whichever server runs it. */
  async markCancelled(id: string): Promise<void> {
    await this.#database.query.updateTable('job').set({ cancelled: 1 }).where('id', '=', id).execute();
  }

  /** A job's events after the one of that number. */
  async events(id: string, after: number): Promise<JobEvent[]> {
    const rows = await this.#database.query
      .selectFrom('jobEvent')
      .select(['number', 'type', 'job'])
      .where('jobId', '=', id)
      .where('number', '>', after)
      .orderBy('number')
      .execute();
    return rows.map(({ number, type, job }) => ({
      id: number,
      type: type as JobEvent['type'],
      job: JSON.parse(job),
    }));
  }
}

async function insertEvent(transaction: Transaction<Tables>, { id, type, job }: JobEvent): Promise<void> {
  await transaction
    .insertInto('jobEvent')
    .values({ jobId: job.id, number: id, type, job: JSON.stringify(job) })
    .execute();
}
