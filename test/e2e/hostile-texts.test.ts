import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { embeddingsOfLongWords } from '../attack/payloads/costly-texts.ts';
import { type StartedServer, startServer } from './server.ts';
import { leftover, timed } from './server-load.ts';

let folder: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hostile-texts-'));
  server = await startServer(folder, '--request-timeout', '4000');
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

it.runIf(process.platform === 'linux')(
  '2,000 texts of long words miss their deadline in time, while the server answers others',
  async () => {
    let answered = false;
    const asked = timed(fetch(`${server.address}/v1/embeddings`, embeddingsOfLongWords(2000))).finally(() => {
      answered = true;
    });
    let longest = 0;
    // Reading 19 MB of JSON takes its time as well.
    await pause(1000);
    while (!answered) {
      const [response, milliseconds] = await timed(fetch(`${server.address}/healthz`));
      expect(response.status).toBe(200);
      longest = Math.max(longest, milliseconds);
      await pause(50);
    }
    const [response, milliseconds] = await asked;
    expect(response.status).toBe(504);
    // The library alone would take all the texts that may be encoded at a time 20 s, on the thread that answers.
    expect(milliseconds).toBeLessThan(15_000);
    expect(longest).toBeLessThan(2000);
    expect(await leftover(server)).toBeLessThan(4);
    const [answer, ofOne] = await timed(
      fetch(`${server.address}/v1/predict`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ inputs: [{ text: 'a red bike' }] }),
      }),
    );
    expect(answer.status).toBe(200);
    expect(ofOne).toBeLessThan(2000);
  },
);
