import { expect, it, onTestFinished } from 'vitest';
import { TandemError } from '../../../src/errors.ts';
import { JobStore } from '../../../src/jobs/job-store.ts';
import type { Database } from '../../../src/store/database/database.ts';
import { openQueue } from '../../unit/jobs/open-queue.ts';
import { temporaryStore } from '../../unit/store/test-store.ts';

const id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';

it('opens although it cannot write down that a job waits again, and does so when it can', async () => {
  const store = await temporaryStore();
  const jobs = new JobStore(store.database);
  const job = { id, kind: 'train', head: 'pets', dataset: 'pets', priority: 0, createdAt: '' } as const;
  const task = { work: { head: 'pets', seed: 0 }, reading: {}, source: { imported: 'pets-1' } } as const;
  await jobs.add({ ...job, state: 'queued' }, task, 10, async () => {});
  await jobs.change(id, { states: ['queued'] }, { state: 'running', runner: 'one' });
  let isFull = true;
  // As a full disk does: nothing can be changed, and everything read.
  const full: Database = {
    ...store.database,
    exclusively: (name, work) =>
      isFull
        ? Promise.reject(new TandemError('storage-unavailable', 'the disk is full'))
        : store.database.exclusively(name, work),
  };
  const told: Error[] = [];
  const queue = await openQueue(Object.assign(Object.create(store), { database: full }), {
    onError: (error) => told.push(error),
  });
  onTestFinished(() => queue.close());
  expect((await queue.get(id)).state).toBe('running');
  expect(told[0]).toMatchObject({ message: 'the disk is full' });
  isFull = false;
  // It is queued again, and then fails for want of its dataset and of encoders.
  await expect.poll(async () => (await queue.get(id)).state).not.toBe('running');
});
