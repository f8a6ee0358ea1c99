import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pythonEnvironment } from '../../scripts/python-environment.ts';
import { type StartedServer, startServer } from '../e2e/server.ts';
import { firstSeed, shares } from './mutate.ts';

const mebibyte = 2 ** 20;
let data: string;
let python: string;
let server: StartedServer;
beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), 'fuzz-'));
  python = await pythonEnvironment(path.join(import.meta.dirname, '..', 'clients'));
  server = await startServer(data, '--max-jobs', '10000');
});
afterAll(async () => {
  await server?.stop();
  await rm(data, { recursive: true, force: true });
});

/** Runs schemathesis over the server's own description of itself. */
async function attack(requests: number, seed: number) {
  const { paths } = await (await fetch(`${server.address}/openapi.json`)).json();
  const operations = Object.values<object>(paths).flatMap((path) => Object.keys(path)).length;
  const child = spawn(
    path.join(path.dirname(python), 'st'),
    [
      // One worker: Python 3.11 loses count of its recursion where two threads parse code (CPython issue 106905).
      ...['run', `${server.address}/openapi.json`, '--phases', 'fuzzing', '--workers', '1', '--no-color'],
      ...['--max-examples', String(Math.ceil(requests / operations)), '--seed', String(seed)],
      // A form that the schema allows may still be refused, as one with an image that is none.
      ...[
        '--checks',
        'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance',
      ],
    ],
    { cwd: data, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { output, code: child.exitCode, requests: Number(/(\d+) generated/.exec(output)?.[1]) };
}

async function residentBytes(): Promise<number> {
  const metrics = await (await fetch(`${server.address}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]);
}

it('answers any request as its description says, never with a server error, and does not grow', async () => {
  let before = 0;
  let sent = 0;
  // An operation that takes nothing, or little, is asked less often than its share: it takes several attacks.
  for (let attacks = 0; sent < shares.requests; attacks++) {
    const { output, code, requests } = await attack(shares.requests / 4, firstSeed + attacks);
    expect(code, output).toBe(0);
    expect(requests).toBeGreaterThan(0);
    if (attacks === 0) before = await residentBytes();
    sent += requests;
  }
  console.log(`${sent} requests`);
  expect((await residentBytes()) - before).toBeLessThan(200 * mebibyte);
  const answer = await fetch(`${server.address}/v1/predict`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ head: 'emoji', inputs: [{ text: 'a slice of pizza' }] }),
  });
  expect((await answer.json()).results[0].labels[0].label).toBe('food-drink');
});
