import { expect, it } from 'vitest';
import { print } from '../../src/cli/output.ts';
import type { Job } from '../../src/jobs/job.ts';
import { type Fleet, prepareFleet } from './fleet.ts';
import { bringTexts, checkpointsOf, submit, until, weightsOf } from './long-job.ts';
import { isShort, seed } from './options.ts';
import { trainingsOf } from './trainings.ts';

const rows = isShort ? 700 : 3000;

const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(1);

/** A fleet of two, whose first server has a dataset and runs. */
async function begin() {
  const fleet = await prepareFleet(2);
  const [first, second] = fleet.members;
  await first.start();
  return { fleet, first, second, dataset: await bringTexts(first.client, rows, seed) };
}

const isSearching = ({ progress }: Job) => progress?.stage === 'search' && progress.done > 0;

it('a server that is cut off from the database loses its job to another, and writes nothing of it any more', async () => {
  const { fleet, first, second, dataset } = await begin();
  await using _ = fleet;
  const { id } = await submit(first.client, dataset, 'taken-over');
  await until(first.client, id, isSearching);
  await second.start();
  const [training] = await trainingsOf(first.server);
  first.links.database.hang();
  const cut = performance.now();
  await expect.poll(() => trainingsOf(second.server).then((all) => all.length), { timeout: 60_000 }).toBe(1);
  print(`cut off: taken over after ${seconds(cut)} s`);
  await first.links.database.restore();
  const back = performance.now();
  await expect.poll(() => trainingsOf(first.server), { timeout: 20_000 }).not.toContain(training);
  print(`cut off: the first training ended ${seconds(back)} s after it could know`);
  const { error } = await until(second.client, id, ({ state }) => state === 'succeeded');
  expect(error).toBeUndefined();
  await expectOneVersion(fleet, id, 'taken-over');
  const events = String(await second.client.expect(200, 'GET', `/v1/jobs/${id}/events`));
  expect(events.match(/^event:state$/gm)?.length).toBe(4);
});

it('a server that is stopped hands its job over with its last checkpoint, and another ends it with the same bytes', async () => {
  const { fleet, first, second, dataset } = await begin();
  await using _ = fleet;
  const whole = await submit(first.client, dataset, 'whole');
  const { startedAt, finishedAt } = await until(first.client, whole.id, ({ state }) => state === 'succeeded');
  print(`handed over: uninterrupted ${(Date.parse(finishedAt!) - Date.parse(startedAt!)) / 1000} s`);
  const { id } = await submit(first.client, dataset, 'handed-over');
  await until(first.client, id, isSearching);
  const stopped = performance.now();
  expect(await first.stop()).toBe(0);
  print(`handed over: stopped within ${seconds(stopped)} s`);
  const uploaded = (await keysBelow(fleet, `checkpoints/${id}/`)).length;
  expect(uploaded).toBeGreaterThan(0);
  await second.start();
  await expect.poll(async () => (await checkpointsOf(second, id)).length, { timeout: 60_000 }).toBe(uploaded);
  await until(second.client, id, ({ state }) => state === 'succeeded');
  await first.start();
  await expectOneVersion(fleet, id, 'handed-over');
  expect(await weightsOf(second.client, 'handed-over')).toBe(await weightsOf(second.client, 'whole'));
  expect(await keysBelow(fleet, 'checkpoints/')).toEqual([]);
});

it.skipIf(isShort)('a server that is killed has left a checkpoint, which another resumes from', async () => {
  const { fleet, first, second, dataset } = await begin();
  await using _ = fleet;
  const { id } = await submit(first.client, dataset, 'killed');
  await expect.poll(() => keysBelow(fleet, 'checkpoints/'), { timeout: 120_000 }).not.toEqual([]);
  await first.kill();
  const killed = performance.now();
  await second.start();
  await expect.poll(() => checkpointsOf(second, id), { timeout: 60_000 }).not.toEqual([]);
  print(`killed: resumed from its checkpoint after ${seconds(killed)} s`);
  await until(second.client, id, ({ state }) => state === 'succeeded');
  expect((await second.client.expect(200, 'GET', '/v1/heads/killed')).versions).toEqual([1]);
});

it.skipIf(isShort)(
  'a comparison whose server is killed has left what its contenders gave, and another goes on with it',
  async () => {
    const { fleet, first, second, dataset } = await begin();
    await using _ = fleet;
    const { id } = await first.client.expect(202, 'POST', '/v1/jobs', { compare: true, seeds: 12, dataset });
    const results = () => keysBelow(fleet, `checkpoints/${id}/`);
    await expect.poll(async () => (await results()).length, { timeout: 120_000 }).toBeGreaterThan(2);
    await first.kill();
    const killed = performance.now();
    const kept = await results();
    print(`killed: a comparison had ${kept.length} of 12 results`);
    await second.start();
    await expect.poll(results, { timeout: 120_000 }).not.toEqual(kept);
    // A result that is made again takes the place of the one before.
    expect(await results()).toEqual(expect.arrayContaining(kept));
    const { comparison } = await until(second.client, id, ({ state }) => state === 'succeeded');
    print(`killed: the comparison ended after ${seconds(killed)} s`);
    expect(comparison?.seeds).toHaveLength(12);
    await expect.poll(() => keysBelow(fleet, 'checkpoints/')).toEqual([]);
  },
);

it('a job whose object store is away is queued again with a reason and a time, and succeeds when it is back', async () => {
  const { fleet, first, dataset } = await begin();
  await using _ = fleet;
  await first.links.artifacts.refuse();
  first.links.artifacts.reset();
  const { id } = await submit(first.client, dataset, 'patient');
  const { reason, nextTryAt, error } = await until(first.client, id, ({ outages }) => outages === 1);
  expect(reason).toMatch(/^it is tried again, because the store does not answer: /);
  expect(Date.parse(nextTryAt!) - Date.now()).toBeLessThan(6000);
  expect(error).toBeUndefined();
  await first.links.artifacts.restore();
  const { outages } = await until(first.client, id, ({ progress }) => progress?.stage === 'search');
  expect(outages).toBeGreaterThanOrEqual(1);
  // What it has learnt is not learnt again because nobody takes it.
  await first.links.artifacts.refuse();
  first.links.artifacts.reset();
  const held = performance.now();
  await until(first.client, id, ({ progress }) => progress?.stage === 'evaluation');
  const { startedAt } = await until(first.client, id, () => performance.now() - held > 15_000);
  await first.links.artifacts.restore();
  const ended = await until(first.client, id, ({ state }) => state === 'succeeded');
  expect(ended.startedAt).toBe(startedAt);
  expect(ended).not.toHaveProperty('nextTryAt');
});

async function expectOneVersion({ members }: Fleet, id: string, head: string): Promise<void> {
  for (const { client } of members) {
    expect((await client.expect(200, 'GET', `/v1/heads/${head}`)).versions).toEqual([1]);
    expect((await client.expect(200, 'GET', `/v1/jobs/${id}`)).state).toBe('succeeded');
  }
}

/** Keys of what the object store holds below a prefix. */
async function keysBelow({ objects }: Fleet, prefix: string): Promise<string[]> {
  const answer = await fetch(
    `${objects.endpoint}/${new URL(objects.place).hostname}?list-type=2&prefix=${prefix}`,
  );
  return [...(await answer.text()).matchAll(/<Key>([^<]*)</g)].map(([, key]) => key);
}
