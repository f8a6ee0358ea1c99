import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { runCommand } from '../end-to-end/server.ts';
import { Disk } from './disk.ts';
import { stores } from './options.ts';
import { begin, changeEverything, runUpTo } from './scene.ts';
import { Tally } from './tally.ts';

const found = new Tally('a disk that is full, or cannot be written to');
afterAll(() => found.print());

const megabytes = 512;
const embedded = stores.includes('embedded');

it.runIf(embedded)(
  'a full disk: what cannot be kept is refused, and all goes on once there is space',
  async ({ skip }) => {
    const disk = await Disk.mount(megabytes);
    if (typeof disk === 'string') return skip(disk);
    const place = { data: disk.path, flags: [], remove: () => disk.remove() };
    await using scene = await begin(place, found, 'full disk');
    const { server, ledgers } = scene;
    const job = await runUpTo(scene, 'search');
    ledgers.jobs.expectFailure(job);
    await disk.fill();
    await ledgers.heads.predict(server.client, 'emoji');
    const { dataset, upload, head } = await changeEverything(scene);
    for (const detail of [dataset, upload, head]) expect(detail).toContain('the disk is full');
    // The job's last words may have to wait for space.
    await setTimeout(15_000);
    await disk.free();
    const failures = await ledgers.jobs.endOutage(server.client);
    for (const detail of failures) expect(detail).toContain('the disk is full');
    found.add('jobs', 'failed of it, tried again', failures.length);
    await scene.checkAll();
    expect(Object.values(await changeEverything(scene))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    await scene.settle();
  },
);

it.runIf(embedded)(
  'a disk that lets nobody write any more: predictions go on, changes are refused',
  async ({ skip }) => {
    const disk = await Disk.mount(megabytes);
    if (typeof disk === 'string') return skip(disk);
    const place = { data: disk.path, flags: [], remove: () => disk.remove() };
    await using scene = await begin(place, found, 'read-only disk');
    const { server, ledgers } = scene;
    await disk.break();
    await ledgers.heads.predict(server.client, 'emoji');
    await ledgers.heads.predict(server.client, 'imported@production');
    const refused = await changeEverything(scene);
    for (const detail of Object.values(refused))
      expect(detail).toMatch(/the disk cannot be (written to|read or written)/);
    await server.kill(true);
    await disk.remount('ro');
    const { code, stdout, stderr } = await runCommand('serve', '--port', '0', '--data', disk.path);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^The store cannot be reached or written to: the disk cannot be written to: .*\n.*\n$/,
    );
    await disk.remount('rw');
    await server.start();
    await scene.checkAll();
    expect(Object.values(await changeEverything(scene))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    await scene.settle();
  },
);
