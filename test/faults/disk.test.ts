import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import { Disk } from './disk.ts';
import { stores } from './options.ts';
import { embeddedIn } from './place.ts';
import { begin, changeEverything, expectAllWell, refusal, runUpTo, type Scene } from './scene.ts';
import { Tally } from './tally.ts';

const found = new Tally('a disk that is full, or cannot be written to');
afterAll(() => found.print());

const megabytes = 512;
/** Milliseconds within which a job comes to where it needs space. */
const outage = 15_000;

describe.runIf(stores.includes('embedded'))('a disk', () => {
  it('that is full: what cannot be kept is refused, and all goes on once there is space', async (context) => {
    const disk = await mount(context);
    await using scene = await beginTraining(disk);
    const { server } = scene;
    const client = () => server.client;
    const { datasets, heads, jobs } = scene.ledgers;
    await disk.fill();
    await heads.predict(client(), 'emoji');
    const { dataset, upload, head } = await changeEverything(scene);
    for (const detail of [dataset, upload, head]) expect(detail).toContain('the disk is full');
    await setTimeout(outage);
    await server.kill(true);
    await server.start();
    await expectPredictionsAlone(scene, /the disk is full/);
    await disk.free();
    // It finds out by itself that it can go on.
    await expect.poll(() => refusal(datasets.add(client())), { timeout: 30_000 }).toBeUndefined();
    const failures = await jobs.endOutage(client());
    for (const detail of failures) expect(detail).toContain('the disk is full');
    found.add('jobs', 'failed of it, tried again', failures.length);
    await expectAllWell(scene);
  });

  it('that lets nobody write any more: predictions go on, changes are refused', async (context) => {
    const disk = await mount(context);
    await using scene = await beginTraining(disk);
    const { server, ledgers } = scene;
    await disk.break();
    for (const head of ['emoji', 'imported@production']) await ledgers.heads.predict(server.client, head);
    for (const detail of Object.values(await changeEverything(scene)))
      expect(detail).toMatch(/the disk cannot be (written to|read or written)/);
    await server.kill(true);
    await disk.remount('ro');
    await server.start();
    await expectPredictionsAlone(scene, /the (disk cannot be written to|database cannot be opened)/);
    await server.kill(true);
    await disk.remount('rw');
    await server.start();
    const failures = await ledgers.jobs.endOutage(server.client);
    found.add('jobs', 'failed of it, tried again', failures.length);
    await expectAllWell(scene);
  });
});

/** A server that has started on a disk that it cannot write to answers predictions and refuses changes. */
async function expectPredictionsAlone(scene: Scene, reason: RegExp): Promise<void> {
  const { client } = scene.server;
  const { heads } = scene.ledgers;
  await client.expect(200, 'GET', '/readyz');
  for (const head of ['emoji', 'imported@production']) await heads.predict(client, head);
  for (const detail of Object.values(await changeEverything(scene))) expect(detail).toMatch(reason);
}

async function mount({ skip }: TestContext): Promise<Disk> {
  const disk = await Disk.mount(megabytes);
  return typeof disk === 'string' ? skip(disk) : disk;
}

/** A server on a disk, in the middle of a training. */
async function beginTraining(disk: Disk): Promise<Scene> {
  const scene = await begin({ ...embeddedIn(disk.path), remove: () => disk.remove() }, found, 'disk');
  await runUpTo(scene, 'search');
  scene.ledgers.jobs.beginOutage();
  return scene;
}
