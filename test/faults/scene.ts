import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { isOver } from '../../src/jobs/job.ts';
import { Random } from '../../src/random.ts';
import { UnexpectedAnswer } from './client.ts';
import { DatasetLedger } from './dataset-ledger.ts';
import { HeadLedger } from './head-ledger.ts';
import { JobLedger } from './job-ledger.ts';
import { KeyLedger } from './key-ledger.ts';
import { Findings } from './ledger.ts';
import { seed } from './options.ts';
import type { Ledgers } from './phases.ts';
import type { Place } from './place.ts';
import { RestartedServer } from './restarted-server.ts';
import type { Tally } from './tally.ts';

/** A server, and what its only client knows of it. */
export interface Scene extends AsyncDisposable {
  place: Place;
  server: RestartedServer;
  ledgers: Ledgers;
  /** The id of a dataset that stays, to train on. */
  dataset: string;
  random(purpose: string): Random;
  /** Compares everything that was acknowledged with what the server has. */
  checkAll(): Promise<void>;
  /** Waits until all jobs are over, and checks everything. */
  settle(): Promise<void>;
}

/** Starts a server with a key, a dataset, a head of three versions and two aliases. The place goes with the scene. */
export async function begin(place: Place, found: Tally, purpose: string): Promise<Scene> {
  await using ending = new AsyncDisposableStack();
  ending.defer(() => place.remove());
  const folder = await mkdtemp(path.join(tmpdir(), 'faults-uploads-'));
  ending.defer(() => rm(folder, { recursive: true }));
  const random = (what: string) => new Random(seed, `${purpose} ${what}`);
  const ledgers: Ledgers = {
    datasets: new DatasetLedger(random('datasets'), folder),
    jobs: new JobLedger(random('jobs'), folder),
    heads: new HeadLedger(random('heads'), folder),
    keys: new KeyLedger(random('keys'), ['--data', place.data, ...place.flags]),
  };
  const { datasets, jobs, heads, keys } = ledgers;
  const findings = new Findings(found);
  const server = new RestartedServer(place, await keys.begin());
  ending.defer(() => server.stop());
  await server.start();
  await heads.begin(server.client);
  const checkAll = async () => {
    const { client } = server;
    for (const ledger of [datasets, jobs, heads, keys]) await ledger.check(client, findings);
    const listed = await client.expect(200, 'GET', '/v1/heads');
    const names = listed.heads.map(({ name }: { name: string }) => name);
    expect([...HeadLedger.names, ...jobs.heads]).toEqual(expect.arrayContaining(names));
  };
  const dataset = await datasets.addForGood(server.client);
  const all = ending.move();
  return {
    place,
    server,
    ledgers,
    dataset,
    random,
    checkAll,
    async settle() {
      await jobs.settle(server.client);
      await checkAll();
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Asks for one change of each kind. @returns why each was refused; undefined where it was acknowledged */
export async function changeEverything({ server, ledgers, dataset }: Scene) {
  const { client } = server;
  const { datasets, jobs, heads } = ledgers;
  return {
    dataset: await refusal(datasets.add(client)),
    upload: await refusal(jobs.submitAndCancel(client)),
    job: await refusal(jobs.submit(client, dataset)),
    head: await refusal(heads.register(client)),
  };
}

/** Sees that a change of each kind is acknowledged, and that all jobs come to their end. */
export async function expectAllWell(scene: Scene): Promise<void> {
  await scene.checkAll();
  expect(Object.values(await changeEverything(scene)).filter(Boolean)).toEqual([]);
  await scene.settle();
}

/** Why a change was refused, which has to be that the store is away for now; undefined where it was acknowledged. */
export async function refusal(change: Promise<unknown>): Promise<string | undefined> {
  try {
    await change;
    return undefined;
  } catch (error) {
    if (!(error instanceof UnexpectedAnswer)) throw error;
    const { status, headers, body } = error.answer;
    expect({ status, type: body.type }, error.message).toEqual({
      status: 503,
      type: '/problems/storage-unavailable',
    });
    expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0);
    return body.detail;
  }
}

/** Lets a job run up to a stage of its training. */
export async function runUpTo({ server, ledgers, dataset }: Scene, stage: string): Promise<string> {
  const id = await ledgers.jobs.submit(server.client, dataset);
  await ledgers.jobs.until(
    server.client,
    id,
    ({ state, progress }) => isOver(state) || progress?.stage === stage,
  );
  return id;
}
