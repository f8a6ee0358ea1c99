import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { print } from '../../src/cli/output.ts';
import { isBroken } from './client.ts';
import { CommandKilled } from './key-ledger.ts';
import { expectNoLeftovers } from './leftovers.ts';
import { kills, seed, stores } from './options.ts';
import { deal, type Phase, phases } from './phases.ts';
import { makePlace } from './place.ts';
import { killIfThere } from './restarted-server.ts';
import { begin, type Scene } from './scene.ts';
import { Tally } from './tally.ts';
import { writesTo } from './writes.ts';

/** The last write of the database that a kill may wait for. */
const mostWrites = 12;

const killed = new Tally('kills');
const found = new Tally('things');
const ended = new Tally('jobs');
afterAll(() => {
  print(`\nFAULT_SEED=${seed} FAULT_STORES=${stores.join()} FAULT_KILLS=${kills}`);
  for (const tally of [killed, found, ended]) tally.print();
});

describe.each(stores)('on the store %s', (store) => {
  it('loses nothing that it acknowledged, whenever it is killed', async () => {
    await using scene = await begin(await makePlace(store), found, store);
    const all = phases(scene.ledgers, scene.dataset);
    const durations = new Map<string, number>();
    for (const phase of all) durations.set(phase.name, await measure(phase, scene));
    const random = scene.random('moments');
    const asked = Math.ceil(kills / stores.length);
    let done = 0;
    for (const phase of deal(all)) {
      if (done === asked) break;
      // Half of them when something is written down.
      const kill = await killDuring(phase, scene, {
        delay: random.nextFloat() * durations.get(phase.name)! * 1.2,
        writes: random.nextInteger(2) === 0 ? 1 + random.nextInteger(mostWrites) : undefined,
        withTrainings: random.nextInteger(2) === 0,
      });
      if (kill.took !== undefined) durations.set(phase.name, kill.took);
      if (!kill.isDone) continue;
      killed.add(phase.name, store);
      await scene.checkAll();
      if (++done % 10 === 0) print(`${store}: ${done} of ${asked} kills`);
    }
    await scene.settle();
    for (const [state, count] of scene.ledgers.jobs.ends()) ended.add(state, store, count);
    await expectNoLeftovers(scene);
  });
});

async function measure({ victim, prepare, act }: Phase, { server }: Scene): Promise<number> {
  if (victim === 'start') return server.startTook;
  await prepare?.(server.client);
  const began = performance.now();
  await act(server.client);
  return performance.now() - began;
}

interface Moment {
  /** Milliseconds after the beginning. */
  delay: number;
  /** The same as a number of writes of the database, where that is to decide. */
  writes?: number;
  /** Whether what trains is killed together with the server. */
  withTrainings: boolean;
}

/** @returns whether something was killed, and how long the phase took, in milliseconds, where it was over before */
async function killDuring(
  { victim, prepare, act }: Phase,
  { server, ledgers, place }: Scene,
  { delay, writes, withTrainings }: Moment,
): Promise<{ isDone: boolean; took?: number }> {
  if (victim === 'start') {
    await server.kill(withTrainings);
    await server.startAndKill(delay);
    await server.start();
    return { isDone: true };
  }
  const { client } = server;
  await prepare?.(client);
  if (victim === 'training') {
    await setTimeout(delay);
    const [pid] = await server.trainings();
    const id = await ledgers.jobs.running(client);
    if (pid === undefined || id === undefined) return { isDone: false };
    ledgers.jobs.expectFailure(id);
    const isDone = killIfThere(pid);
    const failure = await ledgers.jobs.retry(client, id);
    // It may have said its last word before.
    if (failure) expect(failure.detail).toContain('SIGKILL');
    return { isDone };
  }
  let isKilled = false;
  let took: number | undefined;
  const began = performance.now();
  const acting = (async () => {
    while (!isKilled) {
      await act(client);
      took ??= performance.now() - began;
      if (!isKilled) await prepare?.(client);
    }
  })().catch((error) => {
    if (!isKilled || !(isBroken(error) || error instanceof CommandKilled)) throw error;
  });
  const isTime = new AbortController();
  const moment = writes === undefined ? setTimeout(delay) : writesTo(place.journal, writes, isTime.signal);
  await Promise.race([acting, moment]);
  isTime.abort();
  isKilled = true;
  const killing = server.kill(withTrainings);
  ledgers.keys.kill();
  await Promise.all([killing, acting]);
  await server.start();
  return { isDone: true, took };
}
