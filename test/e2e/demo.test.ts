import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../free-port.ts';
import { storeEnvironment } from '../unit/store/test-store.ts';
import { runCommand } from './server.ts';

const root = path.join(import.meta.dirname, '..', '..');

it('runs the demo on the port and in the data folder that are set, whose server needs keys', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'demo-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const data = path.join(folder, 'mine');
  await runCommand('keys', 'create', 'me', '--data', data);
  const port = String(await freePort());
  const child = spawn('npm', ['run', '--silent', 'demo'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...storeEnvironment(data), TANDEM_DATA: data, TANDEM_PORT: port },
  });
  const said = await text(child.stdout);
  expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
  expect(said).toContain(`serving at http://127.0.0.1:${port};`);
  expect(said).toMatch(/\d\.\d % +[a-z]+/);
  expect(said).toContain(`curl 127.0.0.1:${port}/v1/predict -H "Authorization: Bearer $TANDEM_KEY"`);
  expect(said).toContain(`-F image=@${data}/samples/emoji/`);
  const { keys } = JSON.parse((await runCommand('keys', 'list', '--json', '--data', data)).stdout);
  expect(keys).toMatchObject([{ name: 'me' }]);
});
