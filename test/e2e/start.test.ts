import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { runCommand } from './server.ts';

async function takenPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return String((server.address() as AddressInfo).port);
}

it.each(['--port', '--grpc-port'])('says what to type where %s is taken, and nothing else', async (flag) => {
  const data = await mkdtemp(path.join(tmpdir(), 'start-'));
  onTestFinished(() => rm(data, { recursive: true }));
  const port = await takenPort();
  const { code, stderr } = await runCommand('serve', '--port', '0', '--data', data, flag, port);
  expect(code).toBe(1);
  expect(stderr.split('\n')).toEqual([
    `The configuration is not valid: port ${port} on 127.0.0.1 is taken; choose another with ${flag}, or ${flag} 0 for any free one`,
    expect.any(String),
    '',
  ]);
});

it('warns where there is no default head, naming those there are', async () => {
  const data = await mkdtemp(path.join(tmpdir(), 'start-'));
  onTestFinished(() => rm(data, { recursive: true }));
  const port = await takenPort();
  const { stderr } = await runCommand(
    'serve',
    '--data',
    data,
    '--port',
    port,
    '--default-head',
    'pets',
    '--log-level',
    'warn',
  );
  expect(stderr).toMatch(/--default-head.*no head is named \\"pets\\"; there are: .*emoji/);
});

it('keeps what it compiled for the next start, in the user’s own cache', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'start-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  vi.stubEnv('NODE_COMPILE_CACHE', undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  await runCommand('heads', 'list', '--data', path.join(folder, 'data'));
  const kept = await readdir(path.join(folder, 'tandem', 'compiled'), { recursive: true });
  expect(kept.length).toBeGreaterThan(20);
});
