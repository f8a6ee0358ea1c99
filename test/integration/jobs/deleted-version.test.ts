import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { HeadRegistry } from '../../../src/heads/registry/heads.ts';
import { JobStore } from '../../../src/jobs/job-store.ts';
import { openQueue } from '../../unit/jobs/open-queue.ts';
import { temporaryStore } from '../../unit/store/test-store.ts';

const id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';

it('a job that is resumed, though the version that it made was deleted, trains no second one and says so', async () => {
  const store = await temporaryStore();
  const jobs = new JobStore(store.database);
  const job = { id, kind: 'train', head: 'pets', dataset: 'pets', priority: 0, createdAt: '' } as const;
  const task = { work: { head: 'pets', seed: 0 }, reading: {}, source: { imported: 'pets-1' } } as const;
  await jobs.add({ ...job, state: 'queued' }, { ...task, encoders: {} }, 10, async () => {});
  // A server took it, registered its version, and ended before it could say so.
  const { ownership } = (await jobs.take(id, 'one'))!;
  const registry = new HeadRegistry(store);
  await registry.register('pets', (folder) => writeFile(path.join(folder, 'head.json'), '{}'), {
    job: { id, confirm: (transaction) => jobs.confirm(transaction, ownership) },
  });
  await registry.delete('pets', 1);
  const queue = await openQueue(store);
  onTestFinished(() => queue.close());
  await expect.poll(async () => (await queue.get(id)).state).toBe('failed');
  expect((await queue.get(id)).error).toMatchObject({
    code: 'unknown-head',
    detail: 'this job made pets@1, which was deleted before the job was over',
    fix: 'Submit a new job to train the head again.',
  });
  expect(await registry.versions('pets')).toEqual([]);
});
