import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { image } from '../unit/datasets/sample.ts';
import { problemOf, sendJson } from '../unit/protocols/double.ts';
import { runForJson, type StartedServer, startServer } from './server.ts';
import { loadFor } from './server-load.ts';

const clip = fileURLToPath(new URL('../fixtures/models/clip', import.meta.url));
const both = { imageEncoder: 'efficientnet-lite0+clip', textEncoder: 'all-MiniLM-L6-v2+clip' };
/** Of all encoders there is room for one. */
const flags = ['--encoder-memory', '1', '--engines', '1', '--memory', '0'];

let folder: string;
let data: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'several-of-a-modality-'));
  data = path.join(folder, 'data');
  for (const modality of ['image', 'text'])
    await runForJson(data, 'encoders', 'add', clip, '--modality', modality);
  const dataset = path.join(data, 'datasets', 'kinds');
  await mkdir(dataset, { recursive: true });
  const rows = Array.from({ length: 24 }, (_, row) =>
    row % 2 ? `${row}.png,a red bike ${row},bikes` : `${row}.png,dogs bark at ${row},dogs`,
  );
  for (const row of rows.keys()) await writeFile(path.join(dataset, `${row}.png`), await image(row));
  await writeFile(path.join(dataset, 'metadata.csv'), ['file_name,text,label', ...rows].join('\n'));
  server = await startServer(data, ...flags);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function submit(head: string): Promise<string> {
  const job = { head, dataset: 'kinds', search: false, ...both };
  return (await (await sendJson(`${server.address}/v1/jobs`, job)).json()).id;
}

async function jobOf(id: string) {
  return (await fetch(`${server.address}/v1/jobs/${id}`)).json();
}

/** Waits for a job. @returns the sha256 of the weights that it made */
async function weightsOf(id: string): Promise<string> {
  await expect.poll(() => jobOf(id), { interval: 200 }).toMatchObject({ state: 'succeeded' });
  const { folder } = (await jobOf(id)).result;
  return JSON.parse(await readFile(path.join(folder, 'head.json'), 'utf8')).weights;
}

it('checks one encoder, or each of several, and prints them in one form', async () => {
  const one = await runForJson(data, 'encoders', 'check', 'all-MiniLM-L6-v2');
  expect(one.value).toMatchObject({ encoders: [{ id: 'all-MiniLM-L6-v2', drift: [] }] });
  const { value } = await runForJson(data, 'encoders', 'check', 'efficientnet-lite0+all-MiniLM-L6-v2');
  expect(value.encoders).toMatchObject([
    { id: 'efficientnet-lite0', proof: { items: expect.any(Number) } },
    { id: 'all-MiniLM-L6-v2', proof: { items: expect.any(Number) } },
  ]);
});

it('a training of a server that was killed resumes on the next, to the same head', async () => {
  const killed = await submit('kinds');
  const stage = async () => (await jobOf(killed)).progress?.stage;
  await expect.poll(stage, { interval: 20 }).toBe('training');
  await server.kill();
  server = await startServer(data, ...flags);
  const resumed = await weightsOf(killed);
  expect(await weightsOf(await submit('again'))).toBe(resumed);
});

it('answers for a head of four encoders and one of two under load, though there is room for one: none is lost', async () => {
  const picture = (await image(5)).toString('base64');
  const ask = (head: string, text: string) =>
    sendJson(`${server.address}/v1/predict`, { head, inputs: [{ text, image: picture }] });
  // After a pause, whether the server is ready is found out by an answer, which waits for an encoder to be loaded.
  for (const head of ['emoji', 'kinds']) expect((await ask(head, 'first')).status).toBe(200);
  const { answered, failures, notReady } = await loadFor(server, 12_000, {
    emoji: (text) => ask('emoji', text),
    kinds: (text) => ask('kinds', text),
  });
  expect(failures).toEqual([]);
  expect(notReady).toEqual([]);
  expect(Math.min(answered.emoji, answered.kinds)).toBeGreaterThan(2);
});

it('embeds with several, and refuses what names one twice', async () => {
  const embed = (model: string) => sendJson(`${server.address}/v1/embeddings`, { model, input: ['a bike'] });
  const { data: embedded, model } = await (await embed('clip+all-MiniLM-L6-v2')).json();
  expect([model, embedded[0].embedding.length]).toEqual(['clip+all-MiniLM-L6-v2', 400]);
  expect(await problemOf(await embed('clip+clip'))).toMatchObject({ status: 400, code: 'invalid-request' });
});

it('a flag that is given again names several: models and predictions have both', async () => {
  await server.stop();
  server = await startServer(data, '--text-encoder', 'all-MiniLM-L6-v2', '--text-encoder', 'clip');
  const { data: models } = await (await fetch(`${server.address}/v1/models`)).json();
  expect(models[0]).toMatchObject({ id: 'all-MiniLM-L6-v2+clip', modalities: ['text'], dimensions: 400 });
  const { model } = await (await sendJson(`${server.address}/v1/embeddings`, { input: 'a bike' })).json();
  expect(model).toBe('all-MiniLM-L6-v2+clip');
});
