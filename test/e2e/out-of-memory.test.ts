import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeHungryEncoder } from '../hungry-encoder.ts';
import { problemOf } from '../unit/protocols/double.ts';
import { type StartedServer, startServer } from './server.ts';

let folder: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'out-of-memory-'));
  const [models, data] = [path.join(folder, 'models'), path.join(folder, 'data')];
  // The default takes its weights from the other's folder.
  for (const images of ['efficientnet-lite0', 'efficientnet-lite0-whole'])
    await cp(fileURLToPath(new URL(`../../models/${images}`, import.meta.url)), path.join(models, images), {
      recursive: true,
    });
  await writeHungryEncoder(path.join(models, 'hungry'), 4);
  // Whatever is asked within 300 ms makes one batch.
  const flags = ['--text-encoder', 'hungry', '--max-wait', '300', '--engines', '1', '--memory', '0'];
  server = await startServer(data, '--models', models, ...flags);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

function embed(count: number): Promise<Response> {
  return fetch(`${server.address}/v1/embeddings`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      model: 'hungry',
      input: Array.from({ length: count }, (_, index) => `dog ${index}`),
    }),
  });
}

async function counted(name: string): Promise<number> {
  const text = await (await fetch(`${server.address}/metrics`)).text();
  return Number(new RegExp(`^tandem_${name} (\\d+)$`, 'm').exec(text)![1]);
}

it('halves a batch that there is no memory for', async () => {
  const response = await embed(8);
  expect(response.status).toBe(200);
  expect((await response.json()).data).toHaveLength(8);
  expect([await counted('out_of_memory_total'), await counted('engine_losses_total')]).toEqual([1, 0]);
});

it('answers 503 where halves are still too much, replaces the engine and goes on', async () => {
  const response = await embed(16);
  expect(response.headers.get('Retry-After')).toBe('1');
  const problem = await problemOf(response);
  expect(problem).toMatchObject({ status: 503, code: 'out-of-memory' });
  expect(problem.detail).toBe('there was no memory for a batch of 16, nor for halves of it');
  expect(problem.fix).toContain('--max-batch-tokens');
  expect((await embed(3)).status).toBe(200);
  expect([await counted('out_of_memory_total'), await counted('engine_losses_total')]).toEqual([3, 1]);
});
