import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runCommand } from './server.ts';

it.each([['list'], ['revoke', 'some-id']])('keys %s makes no data folder', async (...args) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const data = path.join(folder, 'typo');
  const { code, stderr } = await runCommand('keys', ...args, '--data', data, '--database-url', 'sqlite');
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`no data folder ${data}`),
  });
  expect(await readdir(folder)).toEqual([]);
});
