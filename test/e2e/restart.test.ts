import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job } from '../../src/jobs/job.ts';
import { form, runCommand, type StartedServer, smallSample, startServer, zipFolder } from './server.ts';

let folder: string;
let data: string;
let archive: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'restart-'));
  data = path.join(folder, 'data');
  const sample = path.join(folder, 'sample');
  await smallSample(sample, 3, 12);
  archive = path.join(folder, 'sample.zip');
  await zipFolder(sample, archive);
  server = await startServer(data);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function read(id: string): Promise<Job> {
  return (await fetch(`${server.address}/v1/jobs/${id}`)).json();
}

async function submit(fields: Record<string, string>): Promise<string> {
  const response = await fetch(`${server.address}/v1/jobs`, {
    method: 'POST',
    body: await form(fields, { file: archive }),
  });
  expect(response.status).toBe(202);
  return (await response.json()).id;
}

it('goes on with every job that it accepted, after a kill in the middle of one', async () => {
  const [first, second, third] = [
    await submit({ head: 'first', seed: '1', lexical: 'off' }),
    await submit({ compare: 'true', seeds: '2' }),
    await submit({ head: 'never' }),
  ];
  await fetch(`${server.address}/v1/jobs/${third}`, { method: 'DELETE' });
  await expect.poll(async () => (await read(first)).progress?.stage).toBe('search');
  await server.kill();
  server = await startServer(data);

  const restored = await read(first);
  expect(['queued', 'running']).toContain(restored.state);
  await expect.poll(async () => (await read(first)).state).toBe('succeeded');
  await expect.poll(async () => (await read(second)).state).toBe('succeeded');
  expect((await read(third)).state).toBe('cancelled');

  const response = await fetch(`${server.address}/v1/jobs/${first}/events`);
  const states = [...(await response.text()).matchAll(/^event:state\ndata:(.*)$|^data:(.*)$/gm)]
    .map(([, a, b]) => JSON.parse(a ?? b).state)
    .filter((state, index, all) => state !== all[index - 1]);
  expect(states).toEqual(['queued', 'running', 'queued', 'running', 'succeeded']);

  const predicted = await fetch(`${server.address}/v1/predict`, {
    method: 'POST',
    body: await form({ head: 'first', text: 'a happy dog' }),
  });
  expect((await predicted.json()).head).toEqual({ name: 'first', version: 1 });
  expect((await read(second)).comparison?.results.length).toBeGreaterThan(5);
  for (const [id, title] of [
    [first, 'first@1'],
    [second, 'which strategy?'],
  ])
    expect(await (await fetch(`${server.address}/v1/jobs/${id}/report`)).text()).toContain(title);
  await expect.poll(() => readdir(path.join(data, 'work'))).toEqual([]);
});

it('tries a job again that was cancelled, with what was uploaded for it, and no job that went well', async () => {
  const id = await submit({ head: 'again', search: 'false' });
  await expect.poll(async () => (await read(id)).state).toBe('running');
  const address = `${server.address}/v1/jobs/${id}`;
  await fetch(address, { method: 'DELETE' });
  await expect.poll(async () => (await read(id)).state).toBe('cancelled');
  const again = await fetch(`${address}/retry`, { method: 'POST' });
  expect(again.status).toBe(202);
  expect(await again.json()).toMatchObject({
    id,
    state: 'queued',
    reason: expect.stringContaining('request'),
  });
  await expect.poll(async () => (await read(id)).state).toBe('succeeded');
  expect((await read(id)).result).toMatchObject({ head: 'again', version: 1 });
  const refused = await fetch(`${address}/retry`, { method: 'POST' });
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({ type: '/problems/job-conflict' });
});

it('goes on at the next start with what a stop interrupts', async () => {
  const id = await submit({ head: 'second', search: 'false' });
  await expect.poll(async () => (await read(id)).state).toBe('running');
  expect(await server.stop()).toBe(0);
  server = await startServer(data);
  await expect.poll(async () => (await read(id)).state).toBe('succeeded');
});

it('refuses to start a second server on the same data, and says what to do', async () => {
  const { code, stderr } = await runCommand('serve', '--port', '0', '--data', data);
  expect(code).toBe(1);
  expect(stderr).toContain('another process holds');
  expect(stderr).toContain('--data');
});
