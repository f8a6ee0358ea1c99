import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runForJson, startServer } from './server.ts';

it('moves a head to another place as one file, by command and over HTTP', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'moved-heads-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const data = path.join(folder, 'data');
  const file = path.join(folder, 'emoji-1.tar');
  const exported = await runForJson(data, 'heads', 'export', 'emoji@1', '--output', file);
  expect(exported.value).toMatchObject({ version: 1 });
  const brought = await runForJson(data, 'heads', 'import', file, '--name', 'moved');
  expect(brought.value).toEqual({ name: 'moved', version: 1 });

  const server = await startServer(path.join(folder, 'elsewhere'));
  try {
    const body = new FormData();
    body.set('file', new Blob([await readFile(file)]), 'emoji-1.tar');
    const response = await fetch(`${server.address}/v1/heads`, { method: 'POST', body });
    expect([response.status, await response.json()]).toEqual([201, { name: 'emoji', version: 2 }]);
    const exported = await fetch(`${server.address}/v1/heads/emoji/versions/2/export`);
    expect(exported.headers.get('Content-Disposition')).toBe('attachment; filename=emoji-2.tar');
    expect((await exported.arrayBuffer()).byteLength).toBeGreaterThan(3e6);
  } finally {
    await server.stop();
  }
});
