import type { Kysely, Transaction } from 'kysely';
import { TandemError } from '../errors.ts';
import type { Database, Tables } from '../store/database/database.ts';
import { byBytes, type Page } from '../store/database/page.ts';
import { type Job, type JobEvent, unfinishedStates } from './job.ts';
import { eventsAfter } from './job-events.ts';
import { longestDelay } from './outage.ts';
import { type KeptCheckpoint, readCheckpoint, readJob, readTask, unlessDamaged } from './stored-job.ts';
import type { JobTask } from './task.ts';

/** A job, and what only those need to know who run it. */
export interface StoredJob {
  job: Job;
  task: JobTask;
  /** Whether somebody asked it to stop. */
  isCancelled: boolean;
  /** The server that runs it, or did last. */
  runner: string | null;
  /** See `Ownership`. */
  token: number;
  /** Owners since it last got further that did not say how their attempt ended, the present one included. */
  attempts: number;
  /** The last checkpoint that an owner has uploaded. */
  checkpoint: KeptCheckpoint;
}

/** A queued job, as a dispatcher is offered it. */
export interface OfferedJob {
  id: string;
  priority: number;
  /** Owners that take this offer have greater tokens. */
  token: number;
  task: JobTask;
}

/**
 * What the database has of jobs and their events.
 * @example const { jobs, total } = await new JobReader(database).list({ offset: 0, limit: 50 });
 */
export class JobReader {
  protected readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Some of the jobs, the newest first, and how many there are. */
  async list({ offset, limit }: Page): Promise<{ jobs: Job[]; total: number }> {
    const { query } = this.database;
    const rows = await query
      .selectFrom('job')
      .select(['id', 'job'])
      .orderBy('createdAt', 'desc')
      .orderBy(byBytes(this.database, 'id'))
      .limit(limit)
      .offset(offset)
      .execute();
    const { count } = await query
      .selectFrom('job')
      .select(({ fn }) => fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    return { jobs: rows.map(readJob), total: Number(count) };
  }

  /** Every job, in no order. */
  async all(): Promise<Job[]> {
    const rows = await this.database.query.selectFrom('job').select(['id', 'job']).execute();
    return rows.map(readJob);
  }

  /** The id of a job that is not over and trains on an imported dataset, as a transaction sees it. */
  async trainingOn(transaction: Transaction<Tables>, dataset: string): Promise<string | undefined> {
    const rows = await transaction
      .selectFrom('job')
      .select(['id', 'task'])
      .where('state', 'in', unfinishedStates)
      .execute();
    const isOn = ({ source }: JobTask) => 'imported' in source && source.imported === dataset;
    return rows.find((row) => isOn(readTask(row)))?.id;
  }

  /** The jobs that are not over, as their dispatcher was offered them, but for those whose task is damaged. */
  async offered(): Promise<OfferedJob[]> {
    const rows = await this.database.query
      .selectFrom('job')
      .select(['id', 'priority', 'token', 'task'])
      .where('state', 'in', unfinishedStates)
      .execute();
    return rows.flatMap((row) => {
      const task = unlessDamaged(() => readTask(row));
      return task ? [{ ...row, task }] : [];
    });
  }

  /** Keys of the checkpoints that jobs resume from. */
  async checkpoints(): Promise<Set<string>> {
    const rows = await this.database.query
      .selectFrom('job')
      .select(['id', 'checkpoint'])
      .where('checkpoint', 'is not', null)
      .execute();
    const kept = rows.flatMap((row) => Object.values(readCheckpoint(row)));
    return new Set(kept.map(({ key }) => key));
  }

  /** @throws TandemError `unknown-job` */
  async get(id: string): Promise<StoredJob> {
    const row = await this.database.query
      .selectFrom('job')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw new TandemError('unknown-job', `no job has the id ${JSON.stringify(id)}`);
    const { cancelled, runner, token, attempts } = row;
    return {
      job: readJob(row),
      task: readTask(row),
      isCancelled: cancelled === 1,
      runner,
      token,
      attempts,
      checkpoint: readCheckpoint(row),
    };
  }

  /** A job, or undefined if it is unknown. */
  find(id: string): Promise<Job | undefined> {
    return findJob(this.database.query, id);
  }

  /** The job that is to be run next, but for some and those that are not due yet. */
  async next(excluded: readonly string[]): Promise<string | undefined> {
    const waiting = await this.#waiting();
    return waiting.find((job) => millisecondsUntilDue(job) === 0 && !excluded.includes(job.id))?.id;
  }

  /** Milliseconds until another queued job is due; undefined where none waits for its time. */
  async untilNext(): Promise<number | undefined> {
    const delays = (await this.#waiting()).map(millisecondsUntilDue).filter((delay) => delay > 0);
    return delays.length > 0 ? Math.min(...delays) : undefined;
  }

  /** Jobs that a server had in hand when it was last heard of. */
  async heldBy(runner: string): Promise<string[]> {
    const rows = await this.database.query
      .selectFrom('job')
      .select('id')
      .where('state', '=', 'running')
      .where('runner', '=', runner)
      .execute();
    return rows.map(({ id }) => id);
  }

  /** A job's events after the one of that number. */
  events(id: string, after: number): Promise<JobEvent[]> {
    return eventsAfter(this.database, id, after);
  }

  /** The queued jobs that can be read, in the order in which they are to be run. */
  async #waiting(): Promise<Job[]> {
    const rows = await this.database.query
      .selectFrom('job')
      .select(['id', 'job'])
      .where('state', '=', 'queued')
      .orderBy('priority', 'desc')
      .orderBy('createdAt')
      .orderBy('id')
      .execute();
    return rows.flatMap((row) => unlessDamaged(() => readJob(row)) ?? []);
  }
}

/** A job, or undefined if it is unknown. @throws TandemError `damaged-artifact` */
export async function findJob(query: Kysely<Tables>, id: string): Promise<Job | undefined> {
  const row = await query.selectFrom('job').select(['id', 'job']).where('id', '=', id).executeTakeFirst();
  return row && readJob(row);
}

/** 0 where a queued job is due. A time further away than any pause is one of a clock that was set back. */
function millisecondsUntilDue({ nextTryAt }: Job): number {
  if (nextTryAt === undefined) return 0;
  const milliseconds = Date.parse(nextTryAt) - Date.now();
  return milliseconds > 0 && milliseconds <= 1000 * longestDelay ? milliseconds : 0;
}
