import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { product } from '../../src/product.ts';
import { writeTinyTextModel } from '../tiny-text-model.ts';
import { problemOf, sendJson } from '../unit/protocols/double.ts';
import { fixtures, runForJson, type StartedServer, startServer } from './server.ts';
import { loadFor } from './server-load.ts';

const clip = fileURLToPath(new URL('../fixtures/models/clip', import.meta.url));
let folder: string;
let data: string;
let server: StartedServer;
let tiny: { id: string; fingerprint: string; folder: string };
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'several-encoders-'));
  data = path.join(folder, 'data');
  await writeTinyTextModel(path.join(folder, 'tiny'));
  const added = await runForJson(data, 'encoders', 'add', path.join(folder, 'tiny'), '--pooling', 'mean');
  tiny = added.value;
  for (const modality of ['image', 'text'])
    await runForJson(data, 'encoders', 'add', clip, '--modality', modality);
  const rows = Array.from({ length: 12 }, (_, index) => [
    `bike ${'red '.repeat(index)},bikes`,
    `dog ${'bark '.repeat(index)},dogs`,
  ]);
  await mkdir(path.join(data, 'datasets', 'kinds'), { recursive: true });
  await writeFile(
    path.join(data, 'datasets', 'kinds', 'metadata.csv'),
    `text,label\n${rows.flat().join('\n')}\n`,
  );
  // Of all encoders there is room for one.
  server = await startServer(data, '--encoder-memory', '1', '--engines', '1', '--memory', '0');
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const ask = (head: string, text: string) =>
  sendJson(`${server.address}/v1/predict`, { head, inputs: [{ text }] });

/** Of each encoder, how often it was loaded or evicted. */
async function counted(event: 'loads' | 'evictions'): Promise<Record<string, number>> {
  const text = await (await fetch(`${server.address}/metrics`)).text();
  const lines = text.matchAll(
    new RegExp(`^tandem_encoder_${event}_total{.*encoder="([^"]+)"} (\\d+)$`, 'gm'),
  );
  return Object.fromEntries([...lines].map(([, encoder, count]) => [encoder, Number(count)]));
}

async function modelsOf(): Promise<{ id: string; loaded: boolean }[]> {
  return (await (await fetch(`${server.address}/v1/models`)).json()).data;
}

it('trains with the encoder that a job names, and refuses one that is not there', async () => {
  const submit = (textEncoder: string) =>
    sendJson(`${server.address}/v1/jobs`, { head: 'kinds', dataset: 'kinds', search: false, textEncoder });
  expect(await problemOf(await submit('minilm'))).toMatchObject({
    status: 404,
    code: 'unknown-encoder',
    detail: expect.stringContaining('there are: all-MiniLM-L6-v2, clip, tiny'),
  });
  const { id } = await (await submit('tiny')).json();
  const job = async () => (await fetch(`${server.address}/v1/jobs/${id}`)).json();
  await expect.poll(job, { interval: 200 }).toMatchObject({ state: 'succeeded' });
  const { heads } = await (await fetch(`${server.address}/v1/heads`)).json();
  expect(heads.find(({ name }: { name: string }) => name === 'kinds').encoders).toMatchObject([
    { id: 'tiny', fingerprint: tiny.fingerprint },
  ]);
});

it('answers for heads of two text encoders under load, though there is room for one: none is lost', async () => {
  const { answered, failures, notReady } = await loadFor(server, 6000, {
    emoji: (text) => ask('emoji', text),
    kinds: (text) => ask('kinds', text),
  });
  expect(failures).toEqual([]);
  expect(notReady).toEqual([]);
  expect(Math.min(answered.emoji, answered.kinds)).toBeGreaterThan(10);
  const [loads, evictions] = [await counted('loads'), await counted('evictions')];
  for (const encoder of ['all-MiniLM-L6-v2', 'tiny']) {
    expect(loads[encoder]).toBeGreaterThan(1);
    expect(evictions[encoder]).toBeGreaterThan(0);
  }
  expect((await modelsOf()).filter(({ loaded }) => loaded).length).toBeLessThanOrEqual(1);
});

it('embeds with the encoder that a request names', async () => {
  const embed = (model: string) => sendJson(`${server.address}/v1/embeddings`, { model, input: ['a bike'] });
  for (const [model, dimensions] of [
    ['tiny', 4],
    ['all-MiniLM-L6-v2', 384],
  ] as const) {
    const { data: embedded, model: used } = await (await embed(model)).json();
    expect([used, embedded[0].embedding.length]).toEqual([model, dimensions]);
  }
  expect(await modelsOf()).toMatchObject([
    { id: 'efficientnet-lite0-whole', modalities: ['image'], dimensions: 1280 },
    { id: 'all-MiniLM-L6-v2', modalities: ['text'], dimensions: 384 },
    { id: 'clip', modalities: ['image', 'text'], dimensions: 16 },
    { id: 'efficientnet-lite0', modalities: ['image'], dimensions: 1280 },
    { id: 'tiny', modalities: ['text'], dimensions: 4 },
  ]);
  expect(await problemOf(await embed('efficientnet-lite0-whole'))).toMatchObject({ code: 'unknown-encoder' });
});

it('embeds texts and images at once with a pair of encoders, shortened where that is asked for', async () => {
  const image = (await readFile(path.join(fixtures, 'coffee.jpg'))).toString('base64');
  const embed = async (body: object) =>
    (await sendJson(`${server.address}/v1/embeddings`, { model: 'clip', ...body })).json();
  const input = ['a cup of coffee', { image }, `data:image/jpeg;base64,${image}`];
  const { data: whole } = await embed({ input });
  const [text, first, second]: number[][] = whole.map(({ embedding }: { embedding: number[] }) => embedding);
  expect([text.length, first.length]).toEqual([16, 16]);
  expect(first).not.toEqual(text);
  expect(second).toEqual(first);
  const { data: short } = await embed({ input: 'a cup of coffee', dimensions: 8, encoding_format: 'base64' });
  const values = new Float32Array(new Uint8Array(Buffer.from(short[0].embedding, 'base64')).buffer);
  const kept = text.slice(0, 8);
  for (const [index, value] of values.entries())
    expect(value).toBeCloseTo(kept[index] / Math.hypot(...kept), 5);
  expect(values).toHaveLength(8);
});

it('measures and asks a head on the command line with the encoder that it takes', async () => {
  const dataset = path.join(data, 'datasets', 'kinds');
  const evaluated = await runForJson(data, 'evaluate', dataset, '--head', 'kinds');
  expect(evaluated.value).toMatchObject({ head: { name: 'kinds', version: 1 } });
  const predicted = await runForJson(data, 'predict', '--text', 'bike red', '--head', 'kinds');
  expect(predicted.value).toMatchObject({ labels: [{}, {}] });
});

it('says of a head whose encoder is gone what to install, and answers for the others', async () => {
  await server.stop();
  await rm(tiny.folder, { recursive: true });
  server = await startServer(data, '--engines', '1');
  const problem = await problemOf(await ask('kinds', 'bike red'));
  expect(problem).toMatchObject({ status: 409, code: 'head-conflict' });
  expect(problem.detail).toContain(
    `kinds@1 was trained on features of the text encoder tiny (${tiny.fingerprint.slice(0, 12)}), which is not here`,
  );
  expect(problem.fix).toContain(`${product.invocation} encoders add`);
  expect((await ask('emoji', 'a dog')).status).toBe(200);
  const ready = async () => (await fetch(`${server.address}/readyz`)).json();
  await expect.poll(ready).toMatchObject({ unfitHeads: ['kinds@1'] });
  // Added again, it is found without a new start.
  const added = await runForJson(data, 'encoders', 'add', path.join(folder, 'tiny'), '--pooling', 'mean');
  expect(added.value.fingerprint).toBe(tiny.fingerprint);
  expect((await ask('kinds', 'bike red')).status).toBe(200);
});
