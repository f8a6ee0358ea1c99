import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { findEngine, hasImage, noEngine } from '../../scripts/container/engine.ts';
import type { Job } from '../../src/jobs/job.ts';
import { sampleArchive } from '../e2e/server.ts';
import { Deployed } from './deployed.ts';

const image = 'tandem';
const engine = await findEngine();
const isBuilt = engine !== undefined && (await hasImage(engine, image));
if (!isBuilt)
  process.stdout.write(
    `skipped: ${engine ? `there is no image ${image}; npm run container builds it` : noEngine}\n`,
  );

describe.skipIf(!isBuilt)('the image, without a network, on an empty volume', () => {
  let folder: string;
  let server: Deployed;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'container-'));
    // The client and the backup run as another user.
    await chmod(folder, 0o777);
    await sampleArchive(folder, 2, 16);
    server = new Deployed(engine!, image, folder);
    await expect(server.command('serve')).rejects.toThrow('keys create me --scope admin');
    server.key = JSON.parse(
      await server.command('keys', 'create', 'me', '--scope', 'admin', '--json'),
    ).secret;
    await server.start();
  });
  afterAll(async () => {
    await server.remove();
    await rm(folder, { recursive: true });
  });

  it('runs as nobody special, and can write to its volume alone', async () => {
    expect(await server.inside('id', '--user')).toBe('1000');
    await server.inside('touch', '/data/here');
    for (const file of ['/app/here', '/tmp/here', '/here'])
      await expect(server.inside('touch', file)).rejects.toThrow('Read-only file system');
  });

  it('has every package whole, those for gRPC and traces, too, which only some settings load', async () => {
    // Of some only parts can be loaded.
    const parts: Record<string, string> = {
      'pure-rand': 'pure-rand/distribution/uniformFloat32',
      'read-excel-file': 'read-excel-file/node',
    };
    const names = Object.keys(packageJson.dependencies).map((name) => parts[name] ?? name);
    const script = `for (const name of ${JSON.stringify(names)}) await import(name)`;
    await server.inside('env', '-C', '/app', 'node', '--input-type=module', '--eval', script);
  });

  it('heeds SIGTERM while it still starts, though it is the first process', async () => {
    const other = new Deployed(engine!, image, folder);
    try {
      await other.launch('--anonymous', 'everyone');
      // The folder is the first thing that it makes, before it loads the encoders.
      await expect.poll(() => other.inside('ls', '/data').catch(() => '')).toContain('uploads');
      // 137 would be the engine's SIGKILL.
      expect(await other.stop()).toBe(0);
    } finally {
      await other.remove();
    }
  });

  it('answers with the head that it ships with', async () => {
    const { status, body } = await server.ask('predict', 'emoji', 'a slice of pizza with cheese');
    expect({ status, body }).toMatchObject({ status: 200, body: { head: { name: 'emoji', version: 1 } } });
  });

  it('drops no answer when it is stopped in the middle of predictions', async () => {
    let last: unknown;
    let code: number | undefined;
    for await (const line of server.lines('load', 'emoji')) {
      if (line.warm) code = await server.stop();
      last = line;
    }
    expect(code).toBe(0);
    expect(last).toEqual({ answered: expect.any(Number), broken: 0 });
    await server.start();
  });

  it('keeps nothing of an upload that it is stopped in the middle of', async () => {
    for await (const { sent, outcome } of server.lines('half')) {
      if (sent) expect(await server.stop()).toBe(0);
      else expect(outcome).toBe('cut off');
    }
    await server.start();
    expect(await server.inside('ls', '/data/uploads')).toBe('');
  });

  it('has every dataset that it acknowledged when it is stopped in the middle of imports, and no half of one', async () => {
    let acknowledged: string[] = [];
    for await (const line of server.lines('imports', '/files/sample.zip')) {
      if (line.warm) expect(await server.stop()).toBe(0);
      else acknowledged = line.acknowledged as string[];
    }
    await server.start();
    const { datasets } = (await server.ask('get', '/v1/datasets')).body as { datasets: { id: string }[] };
    const kept = datasets.map(({ id }) => id);
    // What was kept in the last moment may not have been told any more.
    expect(kept).toEqual(expect.arrayContaining(acknowledged));
    expect(kept.length).toBeLessThanOrEqual(acknowledged.length + 1);
    for (const id of kept) {
      const { body } = await server.ask('get', `/v1/datasets/${id}/rows?limit=200`);
      expect(body).toMatchObject({ total: 32 });
    }
    expect(await server.inside('ls', '/data/uploads')).toBe('');
  });

  it('goes on with a fine-tuning that is stopped while it reads and while it trains, and registers its head once', async () => {
    const id = await submit('pets');
    const running = async () => (await jobOf(id)).state === 'running';
    const training = async () => ['search', 'training'].includes((await jobOf(id)).progress?.stage ?? '');
    for (const moment of [running, training]) {
      await expect.poll(moment, { interval: 100 }).toBe(true);
      expect(await server.stop()).toBe(0);
      await server.start();
      expect(await server.inside('ls', '/data')).not.toContain('heads');
    }
    await expect.poll(async () => (await jobOf(id)).state).toBe('succeeded');
    expect(await server.inside('ls', '/data/heads/pets')).toMatch(/^1-[0-9a-f]{8}$/);
  });

  it('answers with that head the same after a restart, and from a backup that was made while it served', async () => {
    const answer = () =>
      server.ask('predict', 'pets', 'a happy dog').then(({ body }) => withoutTimings(body));
    const before = await answer();
    expect(before).toMatchObject({ head: { name: 'pets', version: 1 } });
    expect(await server.stop()).toBe(0);
    await server.start();
    expect(await answer()).toEqual(before);

    await server.backUp('2026-01-31');
    await server.remove();
    await server.restore('2026-01-31');
    await server.start();
    expect(await answer()).toEqual(before);
  });

  async function submit(head: string): Promise<string> {
    const { status, body } = await server.ask('submit', head, '/files/sample.zip');
    expect(status).toBe(202);
    return (body as { id: string }).id;
  }
  async function jobOf(id: string): Promise<Job> {
    return (await server.ask('get', `/v1/jobs/${id}`)).body as Job;
  }
  const withoutTimings = (body: unknown) =>
    JSON.parse(JSON.stringify(body, (name, value) => (name === 'timings' ? undefined : value)));
});
