import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { print } from '../../src/cli/output.ts';
import { Random } from '../../src/random.ts';
import { form } from '../e2e/server.ts';
import { type FleetMember, prepareFleet } from './fleet.ts';
import { HeadLedger } from './head-ledger.ts';
import { isShort, seed } from './options.ts';
import { refusal } from './scene.ts';

/** How often a connection is lost. */
const losses = isShort ? 3 : 12;
/** Milliseconds that a prediction may take while the database hangs: two reads of a second each, and a busy machine. */
const patience = 6000;

/** @returns milliseconds that it took */
async function predict({ client }: FleetMember, head = 'emoji'): Promise<number> {
  const began = performance.now();
  await client.expect(200, 'POST', '/v1/predict', await form({ head, text: 'a red heart' }));
  return performance.now() - began;
}

it('goes on after connections to the database that are lost without a word while they work', async () => {
  await using fleet = await prepareFleet(1);
  const [member] = fleet.members;
  await member.start();
  const { client, links } = member;
  await predict(member);
  for (let loss = 0; loss < losses; loss++) {
    // The answers to these queries are on their way when their connections end.
    links.database.delay(100);
    const asked = Promise.all(
      ['/v1/jobs', '/v1/heads', '/v1/datasets', '/v1/jobs'].map((path) => client.send('GET', path)),
    );
    await setTimeout(150);
    links.database.reset();
    await links.database.restore();
    for (const { status, body } of await asked)
      expect([200, 503], `${status} ${JSON.stringify(body)}`).toContain(status);
    await predict(member);
    await client.expect(200, 'GET', '/readyz');
  }
  expect(await member.stop()).toBe(0);
});

it('predicts with the last known state while the database hangs, and refuses changes in words', async () => {
  await using fleet = await prepareFleet(1);
  const [member] = fleet.members;
  await member.start();
  const { client, links } = member;
  const heads = new HeadLedger(new Random(seed, 'hanging database'), fleet.members[0].data);
  await heads.begin(client);
  await predict(member);
  await predict(member, 'imported@production');
  links.database.hang();
  const times: number[] = [];
  const changed = refusal(heads.register(client));
  for (const until = performance.now() + (isShort ? 12_000 : 25_000); performance.now() < until; ) {
    times.push(await predict(member));
    times.push(await predict(member, 'imported@production'));
    await client.expect(200, 'GET', '/readyz');
    await setTimeout(100);
  }
  print(
    `hanging database: the slowest of ${times.length} predictions took ${Math.max(...times).toFixed()} ms`,
  );
  expect(Math.max(...times)).toBeLessThan(patience);
  const began = performance.now();
  expect(await changed).toMatch(/the (database|store) does not answer/);
  expect(performance.now() - began).toBeLessThan(20_000);
  await links.database.restore();
  await expect.poll(() => refusal(heads.register(client)), { timeout: 30_000 }).toBeUndefined();
  expect(await member.stop()).toBe(0);
});
