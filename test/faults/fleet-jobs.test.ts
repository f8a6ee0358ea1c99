import { expect, it } from 'vitest';
import { print } from '../../src/commands/output.ts';
import { prepareFleet } from './fleet.ts';
import { bringTexts, submit, trainingsOf, until } from './long-job.ts';
import { isShort, seed } from './options.ts';

const rows = isShort ? 800 : 3000;

it('a server that is cut off from the database loses its job to another, and writes nothing of it any more', async () => {
  await using fleet = await prepareFleet(2);
  const [first, second] = fleet.members;
  await first.start();
  const dataset = await bringTexts(first.client, rows, seed);
  const { id } = await submit(first.client, dataset, 'taken-over');
  await until(first.client, id, ({ progress }) => progress?.stage === 'search');
  await second.start();
  first.links.database.hang();
  const cut = performance.now();
  const [training] = await trainingsOf(first);
  await until(second.client, id, () => performance.now() - cut > 5000);
  const { length } = await trainingsOf(second);
  expect(length).toBe(0);
  await expect.poll(() => trainingsOf(second).then((all) => all.length), { timeout: 60_000 }).toBe(1);
  print(`cut off: taken over after ${((performance.now() - cut) / 1000).toFixed(1)} s`);
  await first.links.database.restore();
  const back = performance.now();
  await expect.poll(() => trainingsOf(first), { timeout: 20_000 }).not.toContain(training);
  print(
    `cut off: the first training ended ${((performance.now() - back) / 1000).toFixed(1)} s after it could know`,
  );
  const { state, error } = await until(second.client, id, ({ state }) => state !== 'running');
  expect({ state, error }).toEqual({ state: 'succeeded' });
  for (const { client } of fleet.members) {
    expect((await client.expect(200, 'GET', '/v1/heads/taken-over')).versions).toEqual([1]);
    expect((await client.expect(200, 'GET', `/v1/jobs/${id}`)).state).toBe('succeeded');
  }
  const events = String(await second.client.expect(200, 'GET', `/v1/jobs/${id}/events`));
  expect(events.match(/^event:state$/gm)?.length).toBe(4);
});
