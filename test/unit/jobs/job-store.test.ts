import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { HeadRegistry } from '../../../src/heads/registry/heads.ts';
import type { Job } from '../../../src/jobs/job.ts';
import { JobStore } from '../../../src/jobs/job-store.ts';
import type { Ownership } from '../../../src/jobs/ownership.ts';
import type { JobTask } from '../../../src/jobs/task.ts';
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
  return { jobs, add, database: store.database, registry: new HeadRegistry(store) };
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

it('leaves a job to its owner that is being cancelled, and says so whatever the owner writes', async () => {
  const { jobs, add } = await openJobs();
  await add('a');
  await jobs.change('a', { states: ['queued'] }, { state: 'running', runner: 'one' });
  await jobs.change('a', { states: ['running'] }, { state: 'cancelling' });
  expect(await jobs.heldBy('one')).toEqual(['a']);
  const mine = { states: ['running' as const], runner: 'one' };
  const progress = { stage: 'training' as const, done: 1, total: 3 };
  expect(await jobs.change('a', mine, { progress })).toMatchObject({ job: { state: 'cancelling' } });
  expect(await jobs.change('a', mine, { state: 'cancelled' })).toMatchObject({ type: 'state' });
  expect((await jobs.events('a', 0)).map(({ job }) => job.state)).toEqual([
    'queued',
    'running',
    'cancelling',
    'cancelled',
  ]);
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

it('keeps a figure of each fiftieth of a training, so that who comes later sees its whole curve', async () => {
  const { jobs, add } = await openJobs();
  await add('a');
  const runner = 'one';
  await jobs.change('a', { states: ['queued'] }, { state: 'running', runner });
  const mine = { states: ['running' as const], runner };
  for (let done = 1; done <= 200; done += 1)
    await jobs.change('a', mine, { progress: { stage: 'training', done, total: 200, loss: 1 / done } });
  await jobs.change('a', mine, { progress: { stage: 'evaluation', done: 0, total: 1 } });
  await jobs.change('a', mine, { state: 'succeeded' });
  const curve = (await jobs.events('a', 0)).flatMap(({ type, job: { progress } }) =>
    type === 'progress' ? [[progress?.stage, progress?.done]] : [],
  );
  const ends = Array.from({ length: 50 }, (_, part) => ['training', 4 * part + 3]);
  expect(curve).toEqual([...ends, ['training', 200]]);
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

describe('the owner of a job', () => {
  const own = { states: ['running' as const] };

  it('belongs to the last owner, and no token as small takes it', async () => {
    const { jobs, add } = await openJobs();
    await add('a');
    const first = (await jobs.take('a', 'one', 1))!.ownership;
    expect(await jobs.take('a', 'one', 1)).toBeUndefined();
    const second = (await jobs.take('a', 'two', 2))!.ownership;
    expect([first, second]).toEqual([
      { id: 'a', token: 1 },
      { id: 'a', token: 2 },
    ]);
    expect((await jobs.take('a', 'one'))!.ownership.token).toBe(3);
    expect(await jobs.get('a')).toMatchObject({ runner: 'one', token: 3 });
  });

  it('writes what becomes of it, and an earlier owner writes nothing, though it runs on the same server', async () => {
    const { jobs, add } = await openJobs();
    await add('a');
    const { token } = (await jobs.take('a', 'one'))!.ownership;
    const owner = (await jobs.take('a', 'one'))!.ownership;
    const progress = { stage: 'training' as const, done: 1, total: 2 };
    expect(await jobs.change('a', { ...own, token }, { progress })).toBeUndefined();
    expect(await jobs.change('a', { ...own, token }, { state: 'failed' })).toBeUndefined();
    expect(await jobs.keepCheckpoint({ id: 'a', token }, { final: { key: 'old', step: 9 } })).toBe(false);
    expect(await jobs.keepCheckpoint(owner, { final: { key: 'new', step: 3 } })).toBe(true);
    expect(await jobs.change('a', { ...own, token: owner.token }, { progress })).toBeDefined();
    expect(await jobs.get('a')).toMatchObject({
      job: { state: 'running', progress },
      checkpoint: { final: { key: 'new', step: 3 } },
    });
    expect(await jobs.checkpoints()).toEqual(new Set(['new']));
  });

  it('is nobody once it is queued again: who takes it next has a greater token than any before', async () => {
    const { jobs, add } = await openJobs();
    await add('a');
    const { token } = (await jobs.take('a', 'one', 77))!.ownership;
    let offered = 0;
    await jobs.change('a', { ...own, token }, { state: 'queued' }, async (_, job) => {
      offered = job.token;
    });
    expect(offered).toBe(1000);
    expect(await jobs.take('a', 'late', 78)).toBeUndefined();
    expect((await jobs.take('a', 'two', 1001))!.ownership.token).toBe(1001);
  });

  it('counts as an attempt until it says how that ended, lives on without the job, or gets further', async () => {
    const { jobs, add } = await openJobs();
    await add('a');
    const attempts = async () => (await jobs.get('a')).attempts;
    const take = async (runner: string) => (await jobs.take('a', runner))!.ownership;
    await take('one');
    const two = await take('two');
    expect(await attempts()).toBe(2);
    await jobs.dropAttempt(two);
    expect(await attempts()).toBe(1);
    const three = await take('three');
    await jobs.keepCheckpoint(three, { final: { key: 'as far', step: 3 } }, false);
    expect(await attempts()).toBe(2);
    await jobs.keepCheckpoint(three, { final: { key: 'further', step: 4 } }, true);
    expect(await attempts()).toBe(1);
    await jobs.change('a', { ...own, token: three.token }, { state: 'queued', uncounted: 'own' });
    expect(await attempts()).toBe(0);
  });

  it('takes its attempt back where it still counts, not that of a later owner', async () => {
    const { jobs, add } = await openJobs();
    await add('a');
    const attempts = async () => (await jobs.get('a')).attempts;
    const take = async (runner: string) => (await jobs.take('a', runner))!.ownership;
    // It stalls, and comes back when another has got further, which made its attempt none that counts.
    const stalled = await take('stalled');
    const further = await take('further');
    await jobs.keepCheckpoint(further, { final: { key: 'further', step: 4 } }, true);
    await jobs.dropAttempt(stalled);
    expect(await attempts()).toBe(1);
    await jobs.dropAttempt(further);
    expect(await attempts()).toBe(0);
    // The same where the job was tried again on request meanwhile.
    const before = await take('before');
    await jobs.change('a', { ...own, token: before.token }, { state: 'failed' });
    await jobs.change('a', { states: ['failed'] }, { state: 'queued', uncounted: 'all' });
    await take('after');
    await jobs.dropAttempt(before);
    expect(await attempts()).toBe(1);
  });

  it('alone registers what the job has made', async () => {
    const { jobs, registry, add } = await openJobs();
    await add('a');
    const register = (owner: Ownership) =>
      registry.register('pets', (folder) => writeFile(path.join(folder, 'head.json'), '{}'), {
        job: { id: 'a', confirm: (transaction) => jobs.confirm(transaction, owner) },
      });
    const first = (await jobs.take('a', 'one'))!.ownership;
    const second = (await jobs.take('a', 'two'))!.ownership;
    await expect(register(first)).rejects.toMatchObject({ code: 'job-conflict' });
    expect(await registry.list()).toEqual([]);
    expect(await register(second)).toMatchObject({ name: 'pets', version: 1 });
  });

  it('is nobody who takes it while a registration is under way: either comes first, and the other sees it', async () => {
    const { jobs, registry, add } = await openJobs();
    await add('a');
    const owner = (await jobs.take('a', 'one'))!.ownership;
    let taking: Promise<unknown> = Promise.resolve();
    await registry.register('pets', (folder) => writeFile(path.join(folder, 'head.json'), '{}'), {
      job: {
        id: 'a',
        async confirm(transaction) {
          await jobs.confirm(transaction, owner);
          taking = jobs.take('a', 'two').then(() => registry.madeBy('a'));
          await pause(200);
        },
      },
    });
    expect(await taking).toMatchObject({ name: 'pets', version: 1 });
  });
});

it('brings no job before its time, and says when the next is due', async () => {
  const { jobs, add } = await openJobs();
  await add('a');
  await add('b');
  const nextTryAt = new Date(Date.now() + 60_000).toISOString();
  await jobs.change('a', { states: ['queued'] }, { state: 'queued', nextTryAt });
  expect(await jobs.next([])).toBe('b');
  expect(await jobs.next(['b'])).toBeUndefined();
  expect(await jobs.untilNext()).toBeGreaterThan(50_000);
  // Nobody waits for the clock of a machine that was set back.
  await jobs.change('a', { states: ['queued'] }, { state: 'queued', nextTryAt: '2099-01-01T00:00:00.000Z' });
  expect(await jobs.next([])).toBe('a');
});

it('names a job whose row is damaged, which holds up no others', async () => {
  const { jobs, add, database } = await openJobs();
  await add('damaged');
  await add('whole');
  await database.query
    .updateTable('job')
    .set({ job: '{"id":"damaged"}' })
    .where('id', '=', 'damaged')
    .execute();
  expect(await jobs.next([])).toBe('whole');
  await expect(jobs.get('damaged')).rejects.toMatchObject({
    code: 'damaged-artifact',
    message: expect.stringMatching(/^what is stored of the job damaged cannot be used: /),
  });
  await database.query.updateTable('job').set({ task: '{}' }).where('id', '=', 'whole').execute();
  await expect(jobs.get('whole')).rejects.toThrow('the task of the job whole cannot be used');
  expect((await jobs.offered()).map(({ id }) => id)).toEqual(['damaged']);
});
