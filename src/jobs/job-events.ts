import type { Transaction } from 'kysely';
import type { Database, Tables } from '../store/database/database.ts';
import type { Job, JobEvent } from './job.ts';
import { readJob } from './stored-job.ts';

/** A job's events after the one of that number. @throws TandemError `damaged-artifact` naming the job */
export async function eventsAfter({ query }: Database, id: string, after: number): Promise<JobEvent[]> {
  const rows = await query
    .selectFrom('jobEvent')
    .select(['number', 'type', 'job'])
    .where('jobId', '=', id)
    .where('number', '>', after)
    .orderBy('number')
    .execute();
  return rows.map(({ number, type, job }) => ({
    id: number,
    type: type as JobEvent['type'],
    job: readJob({ id, job }),
  }));
}

/** Of each stage of a training so many figures are kept, so that who comes later sees its whole curve. */
const keptOfStage = 50;

/** Adds an event after a job's last one, in the place of that where it was a progress that no curve needs. */
export async function addEvent(
  transaction: Transaction<Tables>,
  type: JobEvent['type'],
  job: Job,
): Promise<JobEvent> {
  const last = await transaction
    .selectFrom('jobEvent')
    .select(['number', 'type', 'job'])
    .where('jobId', '=', job.id)
    .orderBy('number', 'desc')
    .executeTakeFirst();
  if (last?.type === 'progress' && !isOfCurve(readJob({ id: job.id, job: last.job }), job))
    await transaction
      .deleteFrom('jobEvent')
      .where('jobId', '=', job.id)
      .where('number', '=', last.number)
      .execute();
  const event: JobEvent = { id: (last?.number ?? 0) + 1, type, job };
  await insertEvent(transaction, event);
  return event;
}

/** Whether a progress has figures of a training that the next one, of the same part of the stage, does not stand for. */
function isOfCurve({ progress }: Job, { progress: next }: Job): boolean {
  if (progress?.loss === undefined) return false;
  const part = ({ done, total }: { done: number; total: number }) => Math.floor((keptOfStage * done) / total);
  return progress.stage !== next?.stage || part(progress) !== part(next);
}

export async function insertEvent(
  transaction: Transaction<Tables>,
  { id, type, job }: JobEvent,
): Promise<void> {
  await transaction
    .insertInto('jobEvent')
    .values({ jobId: job.id, number: id, type, job: JSON.stringify(job) })
    .execute();
}
