import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job } from '../../src/jobs/job.ts';
import { form, runForJson, type StartedServer, sampleArchive, startServer } from './server.ts';

let folder: string;
let data: string;
let sample: string;
let archive: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evaluation-job-'));
  data = path.join(folder, 'data');
  archive = await sampleArchive(folder, 3, 12);
  sample = path.join(folder, 'sample');
  const trained = await runForJson(data, 'train', sample, '--head', 'pets', '--no-search');
  expect(trained.code, trained.stderr).toBe(0);
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

async function submit(fields: Record<string, string>) {
  return fetch(`${server.address}/v1/jobs`, { method: 'POST', body: await form(fields, { file: archive }) });
}

async function read(id: string): Promise<Job> {
  return (await fetch(`${server.address}/v1/jobs/${id}`)).json();
}

it('finds over HTTP what the command finds, beside every answer, and says which rows the head learned from', async () => {
  const predictions = path.join(folder, 'predictions.csv');
  const command = await runForJson(
    ...[data, 'evaluate', sample, '--head', 'pets', '--predictions', predictions],
  );
  expect(command.value.rows).toEqual({ split: 'all', examples: 36, trainedOn: 36 - 6 });
  const held = await runForJson(data, 'evaluate', sample, '--head', 'pets', '--split', 'test');

  server = await startServer(data);
  const response = await submit({ evaluate: 'pets' });
  expect(response.status).toBe(202);
  const { id, ...job } = await response.json();
  expect(job).toMatchObject({ kind: 'evaluate', head: 'pets@1', dataset: 'sample.zip' });
  await expect.poll(async () => (await read(id)).state).toBe('succeeded');
  const done = await read(id);
  expect(done.evaluation).toEqual({ ...command.value, target: 'single' });
  expect(done.notes).toContainEqual(expect.stringContaining('learned from 30 of the 36 examples'));

  const at = `${server.address}/v1/jobs/${id}`;
  const table = await (await fetch(`${at}/predictions`)).text();
  expect(table).toBe(await readFile(predictions, 'utf8'));
  const lines = (await (await fetch(`${at}/predictions?format=jsonl`)).text()).trimEnd().split('\n');
  const rows: Record<string, string>[] = parse(table, { columns: true });
  expect(lines.map((line) => JSON.parse(line).predicted_label)).toEqual(
    rows.map(({ predicted_label: label }) => label),
  );
  expect(await (await fetch(`${at}/report`)).text()).toContain('Measured on');
  expect(await (await fetch(`${at}/events`)).text()).toContain('"stage":"evaluation"');
  expect((await fetch(`${server.address}/v1/heads/pets`).then((head) => head.json())).versions).toEqual([1]);

  const { id: second } = await (await submit({ evaluate: 'pets@1', split: 'test' })).json();
  await expect.poll(async () => (await read(second)).state).toBe('succeeded');
  expect((await read(second)).evaluation).toMatchObject({
    metrics: held.value.metrics,
    rows: { split: 'test', examples: 6, trainedOn: 0 },
  });
});

it('refuses an unknown head at once, and has no answers of another job', async () => {
  const refused = await submit({ evaluate: 'nobody' });
  expect(refused.status).toBe(404);
  expect(await refused.json()).toMatchObject({ type: '/problems/unknown-head' });
  const { id } = await (await submit({ head: 'made', search: 'false' })).json();
  const none = await fetch(`${server.address}/v1/jobs/${id}/predictions`);
  expect(none.status).toBe(404);
  expect((await none.json()).detail).toContain('only an evaluation');
  await fetch(`${server.address}/v1/jobs/${id}`, { method: 'DELETE' });
});

it('is cancelled, retried, and goes on after a kill', async () => {
  const { id } = await (await submit({ evaluate: 'pets', priority: '1' })).json();
  await expect.poll(async () => (await read(id)).state).toBe('running');
  await fetch(`${server.address}/v1/jobs/${id}`, { method: 'DELETE' });
  await expect.poll(async () => (await read(id)).state).toBe('cancelled');
  expect((await fetch(`${server.address}/v1/jobs/${id}/retry`, { method: 'POST' })).status).toBe(202);
  await expect.poll(async () => (await read(id)).state).toBe('running');
  await server.kill();
  server = await startServer(data);
  await expect.poll(async () => (await read(id)).state).toBe('succeeded');
  expect((await read(id)).evaluation?.rows.examples).toBe(36);
});
