import type { Selectable, Transaction } from 'kysely';
import { TandemError } from '../errors.ts';
import type { Tables } from '../store/database/database.ts';
import { type Job, type JobEvent, type JobState, unfinishedStates } from './job.ts';
import { addEvent, insertEvent } from './job-events.ts';
import { findJob, JobReader, type OfferedJob } from './job-reader.ts';
import { nextBase, type Ownership } from './ownership.ts';
import { type KeptCheckpoint, readJob, readTask } from './stored-job.ts';
import type { JobTask } from './task.ts';

/** What must still be true of a job for a change to be made. */
export interface ExpectedJob {
  states: readonly JobState[];
  runner?: string;
  /** The fencing token of who makes the change. */
  token?: number;
}

/** A change of a job, and of what is not shown to anybody. */
export type JobChange = Partial<Job> & {
  runner?: string;
  isCancelled?: boolean;
  /** `own` takes back the attempt of who makes the change, `all` those of all earlier owners. */
  uncounted?: 'own' | 'all';
};

/** What happens in the transaction of a change, as an offer to the dispatcher. */
type Within = (transaction: Transaction<Tables>, offered: OfferedJob) => Promise<void>;

type JobRow = Selectable<Tables['job']>;
/** What changes of a row beside the job; `attempts` is added to those that the row has. */
interface RowChange {
  token?: number;
  attempts?: -1 | 1;
}

/**
 * Reads and writes jobs and their events. What a call has written when it resolves, no crash takes back, and each
 * change is made as a whole, whatever else changes the same job.
 * @example const waiting = await new JobStore(database).next([]);
 */
export class JobStore extends JobReader {
  /**
   * Adds a queued job, unless one has its id already.
   * @param maximumQueue how many may wait
   * @param within what happens in the same transaction
   * @returns the job that is there now, and whether it is new
   * @throws TandemError `overloaded`
   */
  add(job: Job, task: JobTask, maximumQueue: number, within: Within): Promise<{ job: Job; isNew: boolean }> {
    return this.database.exclusively('jobs', async (transaction) => {
      const { id, createdAt, state, priority } = job;
      const there = await findJob(transaction, id);
      if (there) return { job: there, isNew: false };
      const { waiting } = await transaction
        .selectFrom('job')
        .select(({ fn }) => fn.countAll<number | string>().as('waiting'))
        .where('state', '=', 'queued')
        .executeTakeFirstOrThrow();
      if (Number(waiting) >= maximumQueue)
        throw new TandemError('overloaded', `${waiting} jobs are waiting`, { retryAfter: 60 });
      await transaction
        .insertInto('job')
        .values({
          id,
          createdAt,
          state,
          priority,
          runner: null,
          token: 0,
          attempts: 0,
          countedFrom: 0,
          checkpoint: null,
          job: JSON.stringify(job),
          task: JSON.stringify(task),
          cancelled: 0,
        })
        .execute();
      await insertEvent(transaction, { id: 1, type: 'state', job });
      await within(transaction, { id, priority, token: 0, task });
      return { job, isNew: true };
    });
  }

  /**
   * Makes a server the owner of an unfinished job, which counts as an attempt until the owner says how it ended.
   * @param claim token that the dispatcher gave for it; the next number where it gave none
   * @returns undefined where the job is over, or has an owner with as great a token
   */
  async take(
    id: string,
    runner: string,
    claim?: number,
  ): Promise<{ ownership: Ownership; event: JobEvent } | undefined> {
    let token = 0;
    const started: JobChange = {
      state: 'running',
      runner,
      startedAt: new Date().toISOString(),
      reason: undefined,
      nextTryAt: undefined,
    };
    const event = await this.#change(id, { states: unfinishedStates }, started, (row) => {
      token = claim ?? row.token + 1;
      return token > row.token ? { token, attempts: 1 } : undefined;
    });
    return event && { ownership: { id, token }, event };
  }

  /**
   * Changes a job and writes down the event of it. A later progress replaces an earlier one: nobody who comes late
   * wants all of them. A job that becomes queued has no owner any more.
   * @param within what happens in the same transaction
   * @returns the event; undefined where the job is not as expected, and then nothing is changed
   */
  change(
    id: string,
    expected: ExpectedJob,
    change: JobChange,
    within?: Within,
  ): Promise<JobEvent | undefined> {
    const changeRow = ({ token }: JobRow): RowChange => ({
      ...(change.state === 'queued' && { token: nextBase(token) }),
      ...(change.uncounted === 'own' && { attempts: -1 }),
    });
    return this.#change(id, expected, change, changeRow, within);
  }

  /** Takes back the attempt of an owner that lost the job and goes on, if it still counts. */
  async dropAttempt({ id, token }: Ownership): Promise<void> {
    await this.database.query
      .updateTable('job')
      .set(({ eb }) => ({ attempts: eb('attempts', '-', 1) }))
      .where('id', '=', id)
      .where('countedFrom', '<=', token)
      .where('attempts', '>', 0)
      .execute();
  }

  /**
   * Notes where a job's last checkpoint lies.
   * @param isFurther whether no earlier attempt got that far: then they count no more
   * @returns false where the job has another owner by now, or is over
   */
  async keepCheckpoint(
    { id, token }: Ownership,
    checkpoint: KeptCheckpoint,
    isFurther = false,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.database.query
      .updateTable('job')
      .set({ checkpoint: JSON.stringify(checkpoint), ...(isFurther && { attempts: 1, countedFrom: token }) })
      .where('id', '=', id)
      .where('token', '=', token)
      .where('state', '=', 'running')
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  /**
   * Sees, in a transaction that writes what a job has made, that its owner still owns it. Nobody else takes the job
   * before that transaction ends.
   * @throws TandemError `job-conflict`
   * @example await registry.register(name, write, { job: { id, confirm: (transaction) => jobs.confirm(transaction, ownership) } });
   */
  async confirm(transaction: Transaction<Tables>, { id, token }: Ownership): Promise<void> {
    const owned = await transaction
      .selectFrom('job')
      .select('id')
      .where('id', '=', id)
      .where('token', '=', token)
      .where('state', '=', 'running')
      .$if(this.database.kind === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst();
    if (!owned) throw lostJob();
  }

  /** Notes that a job is asked to stop, for whichever server runs it. */
  async markCancelled(id: string): Promise<void> {
    await this.database.query.updateTable('job').set({ cancelled: 1 }).where('id', '=', id).execute();
  }

  /** @param changeRow what changes beside the job; undefined where nothing is to be changed after all */
  #change(
    id: string,
    expected: ExpectedJob,
    { runner, isCancelled, uncounted, ...change }: JobChange,
    changeRow: (row: JobRow) => RowChange | undefined,
    within?: Within,
  ): Promise<JobEvent | undefined> {
    return this.database.exclusively('jobs', async (transaction) => {
      const row = await transaction.selectFrom('job').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row || !isAsExpected(row, expected)) return undefined;
      const rowChange = changeRow(row);
      if (!rowChange) return undefined;
      const { token = row.token, attempts = 0 } = rowChange;
      const job: Job = { ...readJob(row), ...change };
      await transaction
        .updateTable('job')
        .set(({ eb }) => ({
          job: JSON.stringify(job),
          state: storedState(job.state),
          token,
          // Added where it lies: `dropAttempt` changes it beside transactions.
          attempts: eb('attempts', '+', attempts),
          ...(uncounted === 'all' && { attempts: 0, countedFrom: token }),
          ...(runner !== undefined && { runner }),
          ...(isCancelled !== undefined && { cancelled: Number(isCancelled) }),
        }))
        .where('id', '=', id)
        .execute();
      const event = await addEvent(transaction, change.state ? 'state' : 'progress', job);
      const { priority } = row;
      await within?.(transaction, {
        ...{ id, priority, token, task: readTask(row) },
      });
      return event;
    });
  }
}

/** As the table's column has it: a job that is being cancelled runs until its owner says how it ended. */
function storedState(state: JobState): JobState {
  return state === 'cancelling' ? 'running' : state;
}

function isAsExpected(row: JobRow, { states, runner, token }: ExpectedJob): boolean {
  return (
    states.includes(row.state as JobState) &&
    (runner === undefined || runner === row.runner) &&
    (token === undefined || token === row.token)
  );
}

/** What the training process of a job meets whose job another server has taken over. */
export function lostJob(): TandemError {
  return new TandemError('job-conflict', 'another server runs the job by now');
}
