import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { Dispatcher } from '../../../src/jobs/dispatcher.ts';
import { EmbeddedDispatcher } from '../../../src/jobs/embedded-dispatcher.ts';
import { JobStore } from '../../../src/jobs/job-store.ts';
import { temporaryStore } from '../../unit/store/test-store.ts';

const encoders = { text: { id: 'texts', fingerprint: 'b2' } };

/** A dispatcher of whichever kind goes with the store, and jobs that are over when they are let go. */
async function openDispatcher(atOnce: number) {
  const store = await temporaryStore();
  const jobs = new JobStore(store.database);
  const { databaseUrl } = store.options;
  const dispatcher: Dispatcher =
    databaseUrl === undefined
      ? new EmbeddedDispatcher(jobs, atOnce)
      : await (await import('../../../src/jobs/boss-dispatcher.ts')).BossDispatcher.open(databaseUrl, {
          atOnce,
          encoders,
          onError() {},
        });
  const running = new Map<string, () => void>();
  const claims: (number | undefined)[] = [];
  const brought: string[] = [];
  const ended = Promise.withResolvers<void>();
  let created = 0;
  onTestFinished(async () => {
    ended.resolve();
    await dispatcher.close();
  });
  return {
    dispatcher,
    jobs,
    running,
    brought,
    claims,
    async add(id: string, priority = 0, { isOffered = true, needed = encoders } = {}) {
      const createdAt = new Date(Date.UTC(2026, 0, 31, 12, 0, created++)).toISOString();
      await jobs.add(
        { id, kind: 'train', state: 'queued', head: 'pets', dataset: 'pets', priority, createdAt },
        { work: { head: 'pets', seed: 0 }, reading: {}, source: { imported: 'pets-1' }, encoders: needed },
        100,
        async (transaction, offered) => {
          if (isOffered) await dispatcher.offer(transaction, offered);
        },
      );
      dispatcher.wake();
    },
    start: () =>
      dispatcher.start(async (id, claim) => {
        brought.push(id);
        claims.push(claim);
        await jobs.change(id, { states: ['queued'] }, { state: 'running' });
        await Promise.race([ended.promise, new Promise<void>((resolve) => running.set(id, resolve))]);
        running.delete(id);
        await jobs.change(id, { states: ['running'] }, { state: 'succeeded' });
      }),
    /** Queues a job that was brought again, in so many seconds. */
    again: (id: string, delay: number) =>
      jobs.change(
        id,
        { states: ['running', 'succeeded'] },
        { state: 'queued', nextTryAt: new Date(Date.now() + 1000 * delay).toISOString() },
        (transaction, offered) => dispatcher.offer(transaction, offered, delay),
      ),
  };
}

const ids = ['a', 'b', 'c', 'd'].map((letter) => `${letter.repeat(8)}-aaaa-4aaa-8aaa-aaaaaaaaaaaa`);

it('brings as many jobs at once as it may, the urgent ones first, and the next when one is over', async () => {
  const { add, start, running, brought } = await openDispatcher(2);
  const [a, b, c, d] = ids;
  for (const [id, priority] of [
    [a, 0],
    [b, 0],
    [c, 9],
    [d, 1],
  ] as const)
    await add(id, priority);
  await start();
  await expect.poll(() => brought.length).toBe(2);
  await pause(100);
  expect(new Set(brought)).toEqual(new Set([c, d]));
  running.get(c)!();
  await expect.poll(() => brought.slice(2)).toEqual([a]);
  running.get(d)!();
  await expect.poll(() => brought.slice(3)).toEqual([b]);
});

it('brings a job that is added while it has nothing to do', async () => {
  const { add, start, brought } = await openDispatcher(1);
  await start();
  await pause(50);
  await add(ids[0]);
  await expect.poll(() => brought).toEqual([ids[0]]);
});

it('brings a job that is queued again for later no sooner, with a greater claim where it gives any', async () => {
  const { add, start, again, brought, running, claims } = await openDispatcher(1);
  const [a] = ids;
  await start();
  await add(a);
  await expect.poll(() => running.has(a)).toBe(true);
  running.get(a)!();
  await expect.poll(() => running.size).toBe(0);
  const due = Date.now() + 3000;
  await again(a, 3);
  await expect.poll(() => brought, { interval: 10 }).toEqual([a, a]);
  expect(Date.now()).toBeGreaterThanOrEqual(due);
  const [first, second] = claims;
  if (first !== undefined) expect(second).toBeGreaterThan(first);
});

it('brings a job that its queue has lost, once that is looked after, and no job twice', async () => {
  const { add, jobs, dispatcher, start, brought } = await openDispatcher(3);
  const [a, b] = ids;
  await add(a, 0, { isOffered: false });
  await add(b);
  for (const _ of [1, 2]) await dispatcher.restore(await jobs.offered());
  await start();
  await expect.poll(() => [...brought].sort()).toEqual([a, b]);
  await pause(100);
  expect(brought.length).toBe(2);
});

it.runIf(process.env.TEST_DATABASE_URL)('leaves jobs to others that require other encoders', async () => {
  const { add, start, brought } = await openDispatcher(1);
  const [a, b] = ids;
  await add(a, 9, { needed: { text: { id: 'texts', fingerprint: 'c3' } } });
  await add(b);
  await start();
  await expect.poll(() => brought).toEqual([b]);
  await pause(3000);
  expect(brought).toEqual([b]);
});

it.runIf(process.env.TEST_DATABASE_URL)(
  'brings jobs for other encoders that the server has, and no more at once than it may run',
  async () => {
    const { add, dispatcher, start, brought, running } = await openDispatcher(1);
    const [a, b] = ids;
    const needed = { text: { id: 'texts', fingerprint: 'c3' } };
    await add(a, 9, { needed });
    await start();
    await dispatcher.serve(needed);
    await expect.poll(() => brought).toEqual([a]);
    await add(b);
    await pause(3000);
    expect(brought).toEqual([a]);
    running.get(a)!();
    await expect.poll(() => brought).toEqual([a, b]);
  },
);
