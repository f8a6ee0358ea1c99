import { itemAt } from '../indexing.ts';
import { type Artifacts, removeUnknown } from '../store/artifacts/artifacts.ts';
import { isOver, type Job } from './job.ts';
import type { JobReader } from './job-reader.ts';

/** What a job that did not succeed needs to be tried again is kept so long, in milliseconds. */
const keptFor = 7 * 24 * 3_600_000;

/** Whether a job ended so long ago that nothing is kept to try it again. */
export function isTooOld(finishedAt: string): boolean {
  return Date.parse(finishedAt) < Date.now() - keptFor;
}

/**
 * Removes uploads and checkpoints that jobs will not need again, and what came in for jobs that were never accepted.
 * @returns the ids of the jobs that need nothing any more
 */
export async function cleanArtifacts(artifacts: Artifacts, jobs: JobReader): Promise<Set<string>> {
  const all = await jobs.all();
  const isStale = ({ state, finishedAt }: Job) =>
    isOver(state) && (state === 'succeeded' || (finishedAt !== undefined && isTooOld(finishedAt)));
  const needed = new Set(all.filter((job) => !isStale(job)).map(({ id }) => id));
  const known = new Set(all.map(({ id }) => id));
  const over = known.difference(needed);
  const unneeded: string[] = [];
  for (const prefix of ['jobs', 'checkpoints'])
    for await (const { key } of artifacts.list(prefix)) if (over.has(jobOf(key))) unneeded.push(key);
  await artifacts.remove(unneeded);
  await removeUnknown(artifacts, 'jobs', async (keys) => {
    const there = new Set((await jobs.all()).map(({ id }) => id));
    return new Set(keys.filter((key) => there.has(jobOf(key))));
  });
  await removeUnknown(artifacts, 'checkpoints', () => jobs.checkpoints());
  return over;
}

/** The job that an artifact belongs to, by its key. */
function jobOf(key: string): string {
  return itemAt(key.split('/'), 1);
}
