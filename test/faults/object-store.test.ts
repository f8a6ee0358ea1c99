import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { storeEnvironment } from '../stores/object-store.ts';
import { misbehavingStore } from './misbehaving-store.ts';
import { stores } from './options.ts';
import { makePlace } from './place.ts';
import { begin, changeEverything, refusal, runUpTo } from './scene.ts';
import { Tally } from './tally.ts';

const found = new Tally('an object store that fails, or is slow');
afterAll(() => found.print());

/** Milliseconds that a job has something to register and nobody to take it. */
const registrationOutage = 20_000;

it.runIf(stores.includes('postgres'))(
  'an object store that fails for a while, and is slow: nothing is lost',
  async () => {
    const place = await makePlace('postgres');
    const store = await misbehavingStore(place.objects!.endpoint);
    Object.assign(process.env, storeEnvironment(store.endpoint));
    const removePlace = place.remove;
    place.remove = async () => {
      store.close();
      await removePlace();
    };
    await using scene = await begin(place, found, 'object store');
    const { server, ledgers } = scene;
    const { client } = server;

    // What was read once is here.
    await ledgers.heads.predict(client, 'imported@production');
    await ledgers.datasets.add(client);
    await runUpTo(scene, 'search');
    ledgers.jobs.beginOutage();
    store.behaviour.fails = true;
    await ledgers.heads.predict(client, 'emoji');
    await ledgers.heads.predict(client, 'imported@production');
    const { dataset, upload, head } = await changeEverything(scene);
    for (const detail of [dataset, upload, head]) expect(detail).toContain('the store does not answer');
    expect(store.failed).toBeGreaterThan(10);
    // Rows say what is there: files that cannot be removed now are removed later.
    expect(await refusal(ledgers.datasets.deleteOldest(client))).toBeUndefined();
    // A training needs the store only to register what it has made, and waits for it.
    await setTimeout(registrationOutage);
    store.behaviour.fails = false;
    expect(await ledgers.jobs.endOutage(client)).toEqual([]);
    await scene.checkAll();

    store.behaviour.delay = 500;
    expect(Object.values(await changeEverything(scene)).filter(Boolean)).toEqual([]);
    store.behaviour.delay = 0;
    await scene.settle();
  },
);
