import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inferByGrpc } from '../grpc-client.ts';
import { form, runForJson, type StartedServer, startServer } from './server.ts';

const things = {
  food: ['pizza', 'bread', 'soup', 'cheese', 'apple', 'rice', 'cake', 'noodles'],
  tool: ['hammer', 'saw', 'drill', 'wrench', 'pliers', 'chisel', 'screwdriver', 'axe'],
};
const places = ['kitchen', 'shed', 'garage', 'market', 'shop', 'yard', 'cellar'];
const familiar = 'a cheese beside a rice in the shed 1';
const foreign = 'const answer = await fetch(url, { signal });';

let folder: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'acceptance-'));
  const [dataset, data] = [path.join(folder, 'things'), path.join(folder, 'data')];
  await mkdir(dataset);
  const lines = Array.from({ length: 240 }, (_, row) => {
    const kind = row % 2 ? 'food' : 'tool';
    const word = (step: number) => things[kind][(row * step) % 8];
    return `a ${word(3)} beside a ${word(5)} in the ${places[row % places.length]} ${row},${kind}`;
  });
  await writeFile(path.join(dataset, 'metadata.csv'), ['text,label', ...lines].join('\n'));
  const { code, stderr } = await runForJson(data, 'train', dataset, '--head', 'things', '--no-search');
  expect(code, stderr).toBe(0);
  server = await startServer(data, '--grpc-port', '0');
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

async function send(method: string, route: string, body: unknown) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(server.address + route, { method, headers, body: JSON.stringify(body) });
  expect(response.status, await response.clone().text()).toBe(200);
  return response.json();
}

const accept = (accuracy: number | null) =>
  send('PUT', '/v1/heads/things/versions/1/acceptance', { accuracy });
const byJson = async () =>
  (await send('POST', '/v1/predict', { head: 'things', inputs: [{ text: familiar }, { text: foreign }] }))
    .results;

async function byForm() {
  const response = await fetch(`${server.address}/v1/predict`, {
    method: 'POST',
    body: await form({ head: 'things', text: foreign }),
  });
  return (await response.json()).results[0];
}

async function byLines() {
  const response = await fetch(`${server.address}/v1/predict?head=things`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-ndjson' },
    body: `${JSON.stringify({ text: foreign })}\n`,
  });
  return JSON.parse(await response.text());
}

async function byOpenInference(): Promise<Record<string, unknown[]>> {
  const input = { name: 'text', datatype: 'BYTES', shape: [2], data: [familiar, foreign] };
  const { outputs } = await send('POST', '/v2/models/things/infer', { inputs: [input] });
  return Object.fromEntries(outputs.map(({ name, data }: { name: string; data: unknown[] }) => [name, data]));
}

function byGrpc(): Promise<Record<string, Buffer>> {
  const values = [familiar, foreign].map((text) => Buffer.from(text));
  return inferByGrpc(server.announced.grpc ?? '', 'things', { name: 'text', values });
}

const unlike = { reason: 'unlike-training', modality: 'text' };

it('decides nothing before a threshold is set', async () => {
  for (const answer of await byJson()) expect(answer).not.toHaveProperty('decision');
  expect(await byOpenInference()).not.toHaveProperty('accepted');
});

it('says in every protocol which answers are accepted, and why others are not, once it is set', async () => {
  expect((await accept(0.9)).acceptance).toMatchObject({ accuracy: 0.9, rows: 48 });
  const [usual, other] = await byJson();
  expect(usual).toMatchObject({ decision: 'accepted', reasons: [] });
  for (const answer of [other, await byForm(), await byLines()]) {
    expect(answer).toMatchObject({ decision: 'unsure' });
    expect(answer.reasons).toContainEqual(unlike);
  }
  const { accepted, reasons } = await byOpenInference();
  expect(accepted).toEqual([true, false]);
  expect(reasons?.[0]).toBe('');
  expect(reasons?.[1]).toContain('unlike-training');
  const outputs = await byGrpc();
  expect(outputs.accepted).toEqual(Buffer.from([1, 0]));
  expect(outputs.reasons?.toString()).toContain('unlike-training');
});

it('decides nothing any more once it is taken away', async () => {
  expect((await accept(null)).acceptance).toBeNull();
  for (const answer of await byJson()) expect(answer).not.toHaveProperty('decision');
  expect(await byGrpc()).not.toHaveProperty('accepted');
});
