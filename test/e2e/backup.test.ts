import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { form, runCommand, type StartedServer, sampleArchive, startServer } from './server.ts';

let folder: string;
let data: string;
let archive: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'backup-'));
  data = path.join(folder, 'data');
  archive = await sampleArchive(folder, 2, 12);
  server = await startServer(data);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const get = async (address: string) => (await fetch(`${server.address}${address}`)).json();
const post = async (address: string, fields: Record<string, string>, files = {}) =>
  (await fetch(`${server.address}${address}`, { method: 'POST', body: await form(fields, files) })).json();
const stateOf = async (id: string): Promise<string> => (await get(`/v1/jobs/${id}`)).state;

/** What callers see of everything that was acknowledged. */
async function seen() {
  const { jobs } = await get('/v1/jobs');
  const [{ results }, { datasets }, pets] = [
    await post('/v1/predict', { head: 'pets@production', text: 'a happy dog' }),
    await get('/v1/datasets'),
    await get('/v1/heads/pets'),
  ];
  return { answer: results[0].labels, datasets, pets, jobs: jobs.map(({ id }: { id: string }) => id) };
}

it('a copy that is made while a job runs holds everything acknowledged, and a server on it goes on with the job', async () => {
  const { id: dataset } = await post('/v1/datasets', { name: 'pets' }, { file: archive });
  const { id: first } = await post('/v1/jobs', { head: 'pets', search: 'false' }, { file: archive });
  await expect.poll(() => stateOf(first)).toBe('succeeded');
  await fetch(`${server.address}/v1/heads/pets/aliases/production`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: '{"version":1}',
  });
  const { id: second } = await post(
    '/v1/jobs',
    { head: 'cats', seed: '1', lexical: 'off' },
    { file: archive },
  );
  await expect.poll(async () => (await get(`/v1/jobs/${second}`)).progress?.stage).toBe('search');

  const copy = path.join(folder, 'copies', '2026-01-31');
  const before = await seen();
  const { code, stdout, stderr } = await runCommand('backup', copy, '--data', data, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ folder: copy, files: expect.any(Number) });
  expect(before.datasets).toMatchObject([{ id: dataset }]);
  expect(['queued', 'running']).toContain(await stateOf(second));

  await server.kill();
  // The job's process ends when it finds the server gone, and may write a checkpoint until then.
  await rm(data, { recursive: true, maxRetries: 10 });
  server = await startServer(copy);
  expect(await seen()).toEqual(before);
  await expect.poll(() => stateOf(second)).toBe('succeeded');
  expect((await post('/v1/predict', { head: 'cats', text: 'a happy dog' })).head).toEqual({
    name: 'cats',
    version: 1,
  });
  expect(await readdir(path.join(copy, 'heads'))).toEqual(['cats', 'pets']);
});

it('refuses to write where something is, or into the data folder, and leaves nothing half made', async () => {
  const there = await runCommand('backup', folder, '--data', path.join(folder, 'sample'));
  expect(there.stderr).toContain('is there already');
  const inside = await runCommand(
    'backup',
    path.join(folder, 'sample', 'copy'),
    '--data',
    path.join(folder, 'sample'),
  );
  expect(inside.stderr).toContain('itself');
  const empty = await runCommand('backup', path.join(folder, 'copy'), '--data', path.join(folder, 'nowhere'));
  expect(empty.stderr).toContain('nothing to back up');
  expect([there.code, inside.code, empty.code]).toEqual([1, 1, 1]);
  await expect(stat(path.join(folder, 'copy'))).rejects.toThrow('ENOENT');
});
