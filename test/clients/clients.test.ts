import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pythonEnvironment } from '../../scripts/python-environment.ts';
import { fixtures, type StartedServer, startServer } from '../end-to-end/server.ts';

const run = promisify(execFile);
const picture = path.join(fixtures, 'coffee.jpg');
const text = 'a cup of coffee on a table';

let data: string;
let python: string;
let server: StartedServer;
beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), 'clients-'));
  python = await pythonEnvironment(import.meta.dirname);
  server = await startServer(data);
});
afterAll(async () => {
  await server?.stop();
  await rm(data, { recursive: true, force: true });
});

async function runPython(script: string, address: string) {
  const { stdout } = await run(python, [path.join(import.meta.dirname, script), address, picture, text]);
  return JSON.parse(stdout);
}

async function predict(fields: { image?: Buffer; text?: string }) {
  const input = { ...fields, image: fields.image?.toString('base64') };
  const response = await fetch(`${server.address}/v1/predict`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ head: 'emoji@1', topK: 8, inputs: [input] }),
  });
  return (await response.json()).results[0];
}

it('answers NVIDIA’s tritonclient as it answers its own clients', async () => {
  const answer = await runPython('triton_client.py', new URL(server.address).host);
  const together = await predict({ image: await readFile(picture), text });
  const alone = await predict({ text });
  expect(answer).toMatchObject({
    ready: [true, true, true],
    server: ['binary_tensor_data'],
    label: [together.labels[0].label, alone.labels[0].label],
    refused: expect.stringContaining('item 0: it is not a JPEG, PNG or WebP picture'),
  });
  for (const [row, { labels }] of [together, alone].entries())
    for (const { label, probability } of labels)
      expect(answer.probabilities[row][answer.labels.indexOf(label)]).toBeCloseTo(probability, 5);
  expect(answer.probability[0]).toBeCloseTo(alone.confidence, 5);
});

it('answers OpenAI’s client in Python with embeddings of length one', async () => {
  const answer = await runPython('openai_client.py', `${server.address}/v1`);
  expect(answer.lengths).toEqual([384, 1280]);
  expect(Math.hypot(...answer.text)).toBeCloseTo(1, 4);
  expect(answer.tokens).toBe(9 + 4);
  expect(answer.refused).toMatch(/texts are embedded by all-MiniLM-L6-v2/);
});
