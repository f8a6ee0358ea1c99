import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { manyScansJpeg } from '../attack/payloads/many-scans-jpeg.ts';
import { type StartedServer, startServer } from './server.ts';
import { leftover, processorTime, timed } from './server-load.ts';

let folder: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hostile-images-'));
  server = await startServer(folder);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** A request of the same image 64 times, each with another end, for features that are remembered are not made again. */
function request(image: Buffer): RequestInit {
  const inputs = Array.from({ length: 64 }, (_, index) => ({
    image: Buffer.concat([image, Buffer.of(index)]).toString('base64'),
    text: `number ${index}`,
  }));
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ inputs }),
  };
}

const predict = (init: RequestInit) => fetch(`${server.address}/v1/predict`, init);

it.runIf(process.platform === 'linux')(
  '64 JPEGs of a thousand scans are refused before they are decoded',
  async () => {
    const attack = request(manyScansJpeg({ width: 8000, height: 6248, scans: 1000 }));
    const before = await processorTime(server);
    const response = await predict(attack);
    const { results } = await response.json();
    for (const { error } of results) expect(error).toMatchObject({ type: '/problems/image-too-complex' });
    // A decoding takes more than four seconds, each of them.
    expect((await processorTime(server)) - before).toBeLessThan(20);
  },
);

it.runIf(process.platform === 'linux')(
  'the most costly JPEGs that are allowed neither outlive their caller nor hide whether the server is ready',
  async () => {
    const caller = new AbortController();
    const attack = request(manyScansJpeg({ width: 8000, height: 6248, scans: 24 }));
    const asked = predict({ ...attack, signal: caller.signal }).catch((error: Error) => error.name);
    await pause(500);
    for (let count = 0; count < 3; count++) {
      const [response, milliseconds] = await timed(fetch(`${server.address}/readyz`));
      expect(response.status).toBe(200);
      expect(milliseconds).toBeLessThan(3000);
    }
    caller.abort();
    expect(await asked).toBe('AbortError');
    // All of them take some 13 s of processor time, those that are decoded at a time less than one.
    expect(await leftover(server)).toBeLessThan(4);
  },
);
