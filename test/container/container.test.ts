import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findEngine } from '../../scripts/container/engine.ts';
import { smallSample, zip } from '../end-to-end/server.ts';
import { Deployed } from './deployed.ts';

const engine = await findEngine();
if (!engine) process.stdout.write('skipped: neither docker nor podman works here\n');

describe.skipIf(!engine)('the image, without a network, on an empty volume', () => {
  let folder: string;
  let server: Deployed;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'container-'));
    // The client runs as another user.
    await chmod(folder, 0o755);
    const sample = path.join(folder, 'sample');
    await smallSample(sample, 2, 16);
    const files = await Promise.all(
      (await readdir(sample)).map(async (name) => [name, await readFile(path.join(sample, name))] as const),
    );
    await zip(path.join(folder, 'sample.zip'), Object.fromEntries(files));
    server = new Deployed(engine!, 'tandem', folder);
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

  it('heeds SIGTERM while it still starts, though it is the first process', async () => {
    const other = new Deployed(engine!, 'tandem', folder);
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

  it('serves a head that was fine-tuned before a restart, with the same answers', async () => {
    const id = await submit('pets');
    await expect.poll(() => jobState(id), { timeout: 120_000 }).toBe('succeeded');
    const answer = () =>
      server.ask('predict', 'pets', 'a happy dog').then(({ body }) => withoutTimings(body));
    const before = await answer();
    expect(before).toMatchObject({ head: { name: 'pets', version: 1 } });
    expect(await server.stop()).toBe(0);
    await server.start();
    expect(await answer()).toEqual(before);
  });

  it('goes on with a fine-tuning that a stop interrupts, and registers its head once', async () => {
    const id = await submit('pets');
    await expect.poll(() => jobState(id)).toBe('running');
    expect(await server.stop()).toBe(0);
    await server.start();
    expect(await server.inside('ls', '/data/heads/pets')).toBe('1');
    await expect.poll(() => jobState(id), { timeout: 120_000 }).toBe('succeeded');
    expect(await server.inside('ls', '/data/heads/pets')).toBe('1\n2');
  });

  async function submit(head: string): Promise<string> {
    const { status, body } = await server.ask('submit', head, '/files/sample.zip');
    expect(status).toBe(202);
    return (body as { id: string }).id;
  }
  async function jobState(id: string): Promise<string> {
    return ((await server.ask('get', `/v1/jobs/${id}`)).body as { state: string }).state;
  }
  const withoutTimings = (body: unknown) =>
    JSON.parse(JSON.stringify(body, (name, value) => (name === 'timings' ? undefined : value)));
});
