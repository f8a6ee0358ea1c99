import { expect, it } from 'vitest';
import type { Job } from '../../src/jobs/job.ts';
import { JobStore } from '../../src/jobs/job-store.ts';
import type { JobTask } from '../../src/jobs/task.ts';
import { temporaryStore } from '../store/test-store.ts';

const task: JobTask = { work: { head: 'pets', seed: 0 }, reading: {}, source: { imported: 'pets-1' } };

async function openJobs() {
  const store = await temporaryStore();
  const jobs = new JobStore(store.database);
  let count = 0;
  const add = (id: string, priority = 0, maximumQueue = 100) => {
    const createdAt = new Date(Date.UTC(2026, 0, 31, 12, 0, count++)).toISOString();
    const job: Job = {
      id,
      kind: 'train',
      state: 'queued',
      head: 'pets',
      dataset: 'pets',
      priority,
      createdAt,
    };
    return jobs.add(job, task, maximumQueue, async () => {});
  };
  return { jobs, add, database: store.database };
}

it('brings the job with the highest priority first, and of the same the oldest', async () => {
  const { jobs, add } = await openJobs();
  for (const [id, priority] of [
    ['first', 0],
    ['urgent', 5],
    ['second', 0],
    ['whenever', -1],
  ] as const)
    await add(id, priority);
  const order: string[] = [];
  for (let id = await jobs.next([]); id !== undefined; id = await jobs.next(order)) order.push(id);
  expect(order).toEqual(['urgent', 'first', 'second', 'whenever']);
});

it('takes no more jobs than may wait, and says when to come back', async () => {
  const { jobs, add, database } = await openJobs();
  await add('a', 0, 2);
  await add('b', 0, 2);
  await expect(add('c', 0, 2)).rejects.toMatchObject({ code: 'overloaded', retryAfter: 60 });
  const ids = (list: { id: string }[]) => list.map(({ id }) => id);
  const page = async (offset: number, limit: number) => {
    const { jobs: some, total } = await jobs.list({ offset, limit });
    return [ids(some), total];
  };
  expect(await page(0, 50)).toEqual([['b', 'a'], 2]);
  expect(await page(1, 1)).toEqual([['a'], 2]);
  const trainingOn = (dataset: string) =>
    database.exclusively('jobs', (transaction) => jobs.trainingOn(transaction, dataset));
  expect(['a', 'b']).toContain(await trainingOn('pets-1'));
  expect(await trainingOn('pets-2')).toBeUndefined();
  for (const id of ['a', 'b']) await jobs.change(id, { states: ['queued'] }, { state: 'cancelled' });
  expect(await trainingOn('pets-1')).toBeUndefined();
});

it('changes a job only in the state and on the server that the change expects', async () => {
  const { jobs, add } = await openJobs();
  await add('a');
  const claim = (runner: string) =>
    jobs.change('a', { states: ['queued'] }, { state: 'running', runner, reason: undefined });
  expect(await claim('one')).toMatchObject({ id: 2, type: 'state', job: { state: 'running' } });
  expect(await claim('two')).toBeUndefined();
  const end = (runner: string) =>
    jobs.change('a', { states: ['running'], runner }, { state: 'succeeded', finishedAt: 'now' });
  expect(await end('two')).toBeUndefined();
  expect((await jobs.get('a')).job.state).toBe('running');
  expect(await end('one')).toMatchObject({ job: { state: 'succeeded' } });
  expect(await jobs.get('a')).toMatchObject({ runner: 'one', isCancelled: false });
});

it('keeps the events of every state and the last progress, numbered upwards', async () => {
  const { jobs, add } = await openJobs();
  await add('a');
  const runner = 'one';
  await jobs.change('a', { states: ['queued'] }, { state: 'running', runner });
  for (const done of [1, 2, 3])
    await jobs.change(
      'a',
      { states: ['running'], runner },
      { progress: { stage: 'training', done, total: 3 } },
    );
  const told = (await jobs.events('a', 0)).map(({ id, type, job }) => [
    id,
    type,
    job.state,
    job.progress?.done,
  ]);
  expect(told).toEqual([
    [1, 'state', 'queued', undefined],
    [2, 'state', 'running', undefined],
    [5, 'progress', 'running', 3],
  ]);
  await jobs.change('a', { states: ['running'], runner }, { state: 'failed' });
  expect((await jobs.events('a', 2)).map(({ id, type }) => [id, type])).toEqual([[6, 'state']]);
});

it('does nothing of a change whose transaction fails', async () => {
  const { jobs, add } = await openJobs();
  await add('a');
  const failing = jobs.change('a', { states: ['queued'] }, { state: 'running' }, async () => {
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect((await jobs.get('a')).job.state).toBe('queued');
  expect(await jobs.events('a', 1)).toEqual([]);
});
