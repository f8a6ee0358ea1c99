import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { Dispatcher } from '../../src/jobs/dispatcher.ts';
import { EmbeddedDispatcher } from '../../src/jobs/embedded-dispatcher.ts';
import { JobStore } from '../../src/jobs/job-store.ts';
import { temporaryStore } from '../store/test-store.ts';

/** A dispatcher of whichever kind goes with the store, and jobs that are over when they are let go. */
async function openDispatcher(atOnce: number) {
  const store = await temporaryStore();
  const jobs = new JobStore(store.database);
  const { databaseUrl } = store.options;
  const dispatcher: Dispatcher =
    databaseUrl === undefined
      ? new EmbeddedDispatcher(jobs, atOnce)
      : await (await import('../../src/jobs/boss-dispatcher.ts')).BossDispatcher.open(
          databaseUrl,
          atOnce,
          () => {},
        );
  const running = new Map<string, () => void>();
  const brought: string[] = [];
  const ended = Promise.withResolvers<void>();
  let created = 0;
  onTestFinished(async () => {
    ended.resolve();
    await dispatcher.close();
  });
  return {
    dispatcher,
    running,
    brought,
    async add(id: string, priority = 0) {
      const createdAt = new Date(Date.UTC(2026, 0, 31, 12, 0, created++)).toISOString();
      await jobs.add(
        { id, kind: 'train', state: 'queued', head: 'pets', dataset: 'pets', priority, createdAt },
        { work: { head: 'pets', seed: 0 }, reading: {}, source: { imported: 'pets-1' } },
        100,
        (transaction) => dispatcher.offer(transaction, id, priority),
      );
      dispatcher.wake();
    },
    start: () =>
      dispatcher.start(async (id) => {
        brought.push(id);
        await jobs.change(id, { states: ['queued'] }, { state: 'running' });
        await Promise.race([ended.promise, new Promise<void>((resolve) => running.set(id, resolve))]);
        running.delete(id);
        await jobs.change(id, { states: ['running'] }, { state: 'succeeded' });
      }),
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
