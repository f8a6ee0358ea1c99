import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTandemClient } from '../../clients/typescript/client.ts';
import { pythonEnvironment } from '../../scripts/python-environment.ts';
import { fixtures, type StartedServer, startServer } from '../e2e/server.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '..', '..');
const image = path.join(fixtures, 'coffee.jpg');
const text = 'a cup of coffee on a table';

let folder: string;
let python: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'clients-'));
  python = await pythonEnvironment(import.meta.dirname);
  server = await startServer(folder, '--grpc-port', '0');
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function runPython(script: string, ...address: string[]) {
  const { stdout } = await run(python, [path.join(import.meta.dirname, script), ...address, image, text]);
  return JSON.parse(stdout);
}

async function embed(input: string): Promise<number[]> {
  const response = await fetch(`${server.address}/v1/embeddings`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ input }),
  });
  return (await response.json()).data[0].embedding;
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

it.each(['http', 'grpc'])(
  'answers NVIDIA’s tritonclient over %s as it answers its own clients',
  async (protocol) => {
    const address = protocol === 'http' ? new URL(server.address).host : server.announced.grpc!;
    const bytes = await readFile(image);
    const features = {
      image_features: await embed(`data:image/jpeg;base64,${bytes.toString('base64')}`),
      text_features: await embed(text),
    };
    const answer = await runPython('triton_client.py', protocol, address, JSON.stringify(features));
    const together = await predict({ image: bytes, text });
    const alone = await predict({ text });
    expect(answer).toMatchObject({
      ready: [true, true, true],
      server: ['binary_tensor_data'],
      inputs: { image: [-1], text: [-1], image_features: [-1, 1280], text_features: [-1, 384] },
      label: [together.labels[0].label, alone.labels[0].label],
      refused: expect.stringContaining('item 0: it is not a JPEG, PNG, WebP, GIF, TIFF or AVIF image'),
      wrong_width: expect.stringMatching(/text_features has 1280 values an item; .* have 384/),
      not_finite: expect.stringMatching(/text_features: item 0 has NaN/),
    });
    const { labels } = await (await fetch(`${server.address}/v2/models/emoji`))
      .json()
      .then((it) => it.parameters);
    if (protocol === 'http') expect(answer.labels).toEqual(labels);
    const rows: [number[], typeof together][] = [
      [answer.probabilities[0], together],
      [answer.probabilities[1], alone],
      // Features in place of what they were made of: the same answer.
      ...answer.of_features.map(([row]: number[][]) => [row, together]),
      [answer.of_text_features[0], alone],
    ];
    expect(rows).toHaveLength(5);
    for (const [row, prediction] of rows)
      for (const { label, probability } of prediction.labels)
        expect(row[labels.indexOf(label)]).toBeCloseTo(probability, 5);
    expect(answer.probability[0]).toBeCloseTo(alone.confidence, 5);
  },
);

it('answers OpenAI’s client in Python with embeddings of length one', async () => {
  const answer = await runPython('openai_client.py', `${server.address}/v1`);
  expect(answer.lengths).toEqual([384, 1280]);
  expect(Math.hypot(...answer.text)).toBeCloseTo(1, 4);
  expect(answer.tokens).toBe(9 + 4);
  expect(answer.refused).toMatch(
    /there is no text encoder "text-embedding-3-small"; there are: all-MiniLM-L6-v2/,
  );
});

it('answers the typed client, whose types are those that the server describes now', async () => {
  const tandem = createTandemClient(server.address);
  const { data, error } = await tandem.POST('/v1/predict', {
    body: { head: 'emoji', topK: 2, inputs: [{ text }] },
  });
  expect(error).toBeUndefined();
  // JSON lines would be answered by lines.
  if (!data || !('results' in data)) throw new Error('the answer is no JSON');
  const [result] = data.results;
  expect('labels' in result && result.labels.map(({ label }) => label)).toContain('food-drink');
  const unknown = await tandem.GET('/v1/heads/{name}', { params: { path: { name: 'none' } } });
  expect(unknown.error).toMatchObject({ status: 404, fix: expect.any(String) });
  const generated = path.join(folder, 'api.d.ts');
  await run(process.execPath, [path.join(root, 'scripts', 'generate-client.ts'), '--output', generated]);
  expect(await readFile(generated, 'utf8')).toBe(
    await readFile(path.join(root, 'clients', 'typescript', 'api.d.ts'), 'utf8'),
  );
});
