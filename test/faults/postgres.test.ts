import { afterAll, expect, it } from 'vitest';
import { stores } from './options.ts';
import { makePlace } from './place.ts';
import { begin, changeEverything, expectAllWell, runUpTo } from './scene.ts';
import { Tally } from './tally.ts';

const found = new Tally('a database that goes away');
afterAll(() => found.print());

/** Milliseconds. */
const outage = 8000;

it.runIf(stores.includes('postgres'))(
  'a database that goes away and comes back: nothing is lost',
  async () => {
    await using scene = await begin(await makePlace('postgres'), found, 'database');
    const { server, ledgers, place } = scene;
    const { client } = server;
    await ledgers.heads.predict(client, 'imported@production');
    await runUpTo(scene, 'search');

    ledgers.jobs.beginOutage();
    const restarted = place.postgres!.restart(outage);
    const since = performance.now();
    const { dataset, upload, job, head } = await changeEverything(scene);
    for (const detail of [dataset, upload, job, head])
      expect(detail).toMatch(/the (database|store) does not answer/);
    while (performance.now() - since < outage)
      for (const head of ['emoji', 'imported@production', 'imported@2'])
        await ledgers.heads.predict(client, head);
    await restarted;
    await scene.checkAll();
    expect(Object.values(await changeEverything(scene)).filter(Boolean)).toEqual([]);
    expect(await ledgers.jobs.endOutage(client)).toEqual([]);
    await expectAllWell(scene);
  },
);
