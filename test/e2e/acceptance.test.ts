import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
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

/** The names of the outputs of a call, and what `accepted` and `reasons` hold. */
async function byGrpc() {
  const proto = new URL('../../src/protocols/open-inference/open_inference.proto', import.meta.url).pathname;
  const service = loadSync(proto, { keepCase: true })['inference.GRPCInferenceService'];
  const { ModelInfer: call } = service as unknown as Record<
    string,
    { requestSerialize(message: object): Buffer; responseDeserialize(bytes: Buffer): GrpcAnswer }
  >;
  if (!call) throw new Error('no such method');
  const client = new Client(server.announced.grpc ?? '', credentials.createInsecure());
  onTestFinished(() => client.close());
  const contents = { bytes_contents: [familiar, foreign].map((text) => Buffer.from(text)) };
  const answer = await new Promise<GrpcAnswer>((resolve, reject) =>
    client.makeUnaryRequest(
      '/inference.GRPCInferenceService/ModelInfer',
      call.requestSerialize,
      call.responseDeserialize,
      { model_name: 'things', inputs: [{ name: 'text', datatype: 'BYTES', shape: [2], contents }] },
      (error, value) => (error || !value ? reject(error) : resolve(value)),
    ),
  );
  return answer.outputs.map(({ name }, place) => ({ name, raw: answer.raw_output_contents[place] }));
}
interface GrpcAnswer {
  outputs: { name: string }[];
  raw_output_contents: Buffer[];
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
  expect(outputs.find(({ name }) => name === 'accepted')?.raw).toEqual(Buffer.from([1, 0]));
  expect(outputs.find(({ name }) => name === 'reasons')?.raw?.toString()).toContain('unlike-training');
});

it('decides nothing any more once it is taken away', async () => {
  expect((await accept(null)).acceptance).toBeNull();
  for (const answer of await byJson()) expect(answer).not.toHaveProperty('decision');
  expect((await byGrpc()).map(({ name }) => name)).not.toContain('accepted');
});
