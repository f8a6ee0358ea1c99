import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { print } from '../../src/commands/output.ts';
import { isBroken } from './client.ts';
import { CommandKilled } from './key-ledger.ts';
import { expectNoLeftovers } from './leftovers.ts';
import { kills, seed, stores } from './options.ts';
import { deal, type Phase, phases } from './phases.ts';
import { makePlace } from './place.ts';
import { killIfThere } from './restarted-server.ts';
import { begin, type Scene } from './scene.ts';
import { Tally } from './tally.ts';

/** How much longer something takes on a server that has just started, about. */
const firstTime = 2.5;

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
      const delay = random.nextFloat() * durations.get(phase.name)! * (phase.prepare ? 1 : firstTime);
      if (!(await killDuring(phase, scene, delay, random.nextInteger(2) === 0))) continue;
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

/**
 * @param delay milliseconds after the beginning
 * @param withTrainings whether what trains is killed together with the server
 * @returns whether something was killed
 */
async function killDuring(
  { victim, prepare, act }: Phase,
  { server, ledgers }: Scene,
  delay: number,
  withTrainings: boolean,
): Promise<boolean> {
  if (victim === 'start') {
    await server.kill(withTrainings);
    await server.startAndKill(delay);
    await server.start();
    return true;
  }
  const { client } = server;
  await prepare?.(client);
  if (victim === 'training') {
    await setTimeout(delay);
    const [pid] = await server.trainings();
    const id = ledgers.jobs.unfinished;
    if (pid === undefined || id === undefined) return false;
    ledgers.jobs.expectFailure(id);
    const isKilled = killIfThere(pid);
    const failure = await ledgers.jobs.retry(client, id);
    // It may have said its last word before.
    if (failure) expect(failure.detail).toContain('SIGKILL');
    return isKilled;
  }
  let isOver = false;
  const acting = (async () => {
    while (!isOver) {
      await act(client);
      if (!isOver) await prepare?.(client);
    }
  })().catch((error) => {
    if (!isOver || !(isBroken(error) || error instanceof CommandKilled)) throw error;
  });
  await Promise.race([acting, setTimeout(delay)]);
  isOver = true;
  const killing = server.kill(withTrainings);
  ledgers.keys.kill();
  await Promise.all([killing, acting]);
  await server.start();
  return true;
}
