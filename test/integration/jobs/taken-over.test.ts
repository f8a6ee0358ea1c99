import { expect, it, onTestFinished } from 'vitest';
import { HeadRegistry } from '../../../src/heads/registry/heads.ts';
import { EmbeddedDispatcher } from '../../../src/jobs/embedded-dispatcher.ts';
import { JobStore } from '../../../src/jobs/job-store.ts';
import { JobRunner } from '../../../src/jobs/runner.ts';
import { temporaryStore } from '../../unit/store/test-store.ts';

it('a job that comes back to the server that lost it after a stall is not taken for one that ended its server', async () => {
  const store = await temporaryStore();
  const jobs = new JobStore(store.database);
  const job = { id: 'a', kind: 'train', head: 'pets', dataset: 'pets', priority: 0, createdAt: '' } as const;
  const task = { work: { head: 'pets', seed: 0 }, reading: {}, source: { imported: 'pets-1' } } as const;
  await jobs.add({ ...job, state: 'queued' }, task, 10, async () => {});
  const { data } = store.options;
  const encoders = { image: ['none'], text: ['none'] } as const;
  const runner = new JobRunner(jobs, {
    ...{ store, registry: new HeadRegistry(store), dispatcher: new EmbeddedDispatcher(jobs, 1) },
    runner: 'one',
    mostCrashes: 1,
    place: {
      store: store.options,
      encoders: { encoders, provider: 'cpu', threads: 1, engines: 1 },
      ...{ readingMemory: 2048, headTimeout: 5000, shippedHeads: data, datasets: data },
    },
    onEvent: () => {},
  });
  onTestFinished(() => runner.handOver());
  const lost = runner.run('a', 1);
  await expect.poll(async () => (await jobs.get('a')).job.state).toBe('running');
  await Promise.all([lost, runner.run('a', 2)]);
  // It ran, and failed for want of its dataset.
  const { job: ended } = await jobs.get('a');
  expect(ended).toMatchObject({ state: 'failed', error: { code: 'unknown-dataset' } });
});
