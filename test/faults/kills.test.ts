import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/training/random.ts';
import { isBroken } from './client.ts';
import { DatasetLedger } from './dataset-ledger.ts';
import { HeadLedger } from './head-ledger.ts';
import { JobLedger } from './job-ledger.ts';
import { CommandKilled, KeyLedger } from './key-ledger.ts';
import { Findings } from './ledger.ts';
import { expectNoLeftovers } from './leftovers.ts';
import { kills, seed, stores } from './options.ts';
import { deal, type Ledgers, type Phase, phases } from './phases.ts';
import { makePlace, type Place } from './place.ts';
import { killIfThere, RestartedServer } from './restarted-server.ts';
import { Tally } from './tally.ts';

const killed = new Tally('kills');
const found = new Tally('things');
const ended = new Tally('jobs');
afterAll(() => {
  console.log(`FAULT_SEED=${seed} FAULT_STORES=${stores.join()} FAULT_KILLS=${kills}`);
  for (const tally of [killed, found, ended]) tally.print();
});

describe.each(stores)('on the store %s', (store) => {
  it('loses nothing that it acknowledged, whenever it is killed', async () => {
    const place = await makePlace(store);
    const folder = await mkdtemp(path.join(tmpdir(), 'faults-uploads-'));
    try {
      await killOften(store, place, folder);
    } finally {
      await place.remove();
      await rm(folder, { recursive: true });
    }
  });
});

async function killOften(store: string, place: Place, folder: string): Promise<void> {
  const random = (purpose: string) => new Random(seed, `${store} ${purpose}`);
  const place_ = ['--data', place.data, ...place.flags];
  const ledgers: Ledgers = {
    datasets: new DatasetLedger(random('datasets'), folder),
    jobs: new JobLedger(random('jobs'), folder),
    heads: new HeadLedger(random('heads'), folder),
    keys: new KeyLedger(random('keys'), place_),
  };
  const server = new RestartedServer(place, await ledgers.keys.begin());
  const findings = new Findings(found);
  const moment = random('moments');
  await server.start();
  try {
    await ledgers.heads.begin(server.client);
    const all = phases(ledgers, await ledgers.datasets.addForGood(server.client));
    const durations = new Map<string, number>();
    for (const phase of all) durations.set(phase.name, await measure(phase, server));
    let remaining = Math.ceil(kills / stores.length);
    for (const phase of deal(all)) {
      if (remaining === 0) break;
      const isKilled = await killDuring(phase, {
        server,
        ledgers,
        delay: moment.nextFloat() * durations.get(phase.name)!,
        withTrainings: moment.nextInteger(2) === 0,
      });
      if (!isKilled) continue;
      remaining--;
      killed.add(phase.name, store);
      await checkAll(ledgers, server, findings);
    }
    await ledgers.jobs.settle(server.client, findings);
    await checkAll(ledgers, server, findings);
    for (const [state, count] of ledgers.jobs.ends()) ended.add(state, store, count);
    await expectNoLeftovers(place, server, ledgers);
  } finally {
    await server.stop();
  }
}

async function measure({ victim, prepare, act }: Phase, server: RestartedServer): Promise<number> {
  if (victim === 'start') return server.startTook;
  await prepare?.(server.client);
  const began = performance.now();
  await act(server.client);
  return performance.now() - began;
}

interface Kill {
  server: RestartedServer;
  ledgers: Ledgers;
  /** Milliseconds after the beginning. */
  delay: number;
  withTrainings: boolean;
}

/** @returns whether something was killed */
async function killDuring(
  { victim, prepare, act }: Phase,
  { server, ledgers, delay, withTrainings }: Kill,
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
    await ledgers.jobs.retry(client, id);
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

async function checkAll(
  { datasets, jobs, heads, keys }: Ledgers,
  { client }: RestartedServer,
  findings: Findings,
): Promise<void> {
  for (const ledger of [datasets, jobs, heads, keys]) await ledger.check(client, findings);
  const listed = await client.expect(200, 'GET', '/v1/heads');
  for (const { name, version } of listed.heads) {
    expect([...HeadLedger.names, ...jobs.heads], 'a head that nobody made').toContain(name);
    // It is there wholly: its files are read, and their sha256 compared, when it is asked.
    if (jobs.heads.includes(name)) expect(version).toBe(1);
  }
}
