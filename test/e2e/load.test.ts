import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeadRegistry } from '../../src/heads/registry/heads.ts';
import { openStore } from '../../src/store/store.ts';
import { storeAt } from '../unit/store/test-store.ts';
import { request } from './keep-alive.ts';
import { fixtures, runCommand, type StartedServer, startServer } from './server.ts';

const emoji = fileURLToPath(new URL('../../models/heads/emoji/1/', import.meta.url));
const image = (await readFile(path.join(fixtures, 'coffee.jpg'))).toString('base64');

async function dataFolder(): Promise<string> {
  const data = await mkdtemp(path.join(tmpdir(), 'load-'));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  return data;
}

/** Registers copies of the ready head under names, one version more of each. */
async function copyHead(data: string, ...names: string[]): Promise<void> {
  await using store = await openStore(storeAt(data));
  const registry = new HeadRegistry(store);
  const manifest = JSON.parse(await readFile(path.join(emoji, 'head.json'), 'utf8'));
  for (const name of names)
    await registry.register(name, async (folder, version) => {
      await copyFile(path.join(emoji, 'head.onnx'), path.join(folder, 'head.onnx'));
      await writeFile(path.join(folder, 'head.json'), JSON.stringify({ ...manifest, name, version }));
    });
}

interface Answer {
  status: number;
  /** `name@version` that answered. */
  head?: string;
}

/** Callers who ask again as soon as they are answered, over connections that they keep. */
function keepAsking(
  { address }: StartedServer,
  callers: number,
  head: (count: number, caller: number) => string,
) {
  const answers: Answer[] = [];
  const failures: string[] = [];
  let asking = true;
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const one = async (caller: number) => {
    for (let count = 0; asking; count++) {
      const text = `caller ${caller} asks for the ${count}th time`;
      const inputs = [count % 2 === 0 ? { text } : { text, image: image }];
      try {
        const { status, body } = await request(`${address}/v1/predict`, agent, {
          head: head(count, caller),
          inputs,
        });
        const { name, version } = body.head ?? {};
        answers.push({ status, head: name && `${name}@${version}` });
      } catch (error) {
        failures.push((error as NodeJS.ErrnoException).code ?? String(error));
        return;
      }
    }
  };
  const all = Promise.all(Array.from({ length: callers }, (_, caller) => one(caller)));
  const stop = async () => {
    asking = false;
    await all;
    agent.destroy();
    return { answers, failures };
  };
  return { answers, stop };
}

describe('a server under load', () => {
  it('answers every request that it took before it stops', async () => {
    const server = await startServer(await dataFolder());
    const load = keepAsking(server, 16, () => 'emoji');
    await expect.poll(() => load.answers.length).toBeGreaterThan(60);
    expect(await server.stop()).toBe(0);
    const { answers, failures } = await load.stop();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    // Each caller ends by being refused a new connection, none by losing a request.
    expect(failures).toEqual(Array(16).fill('ECONNREFUSED'));
  });

  it('drops nothing while versions are registered and an alias is switched', async () => {
    const data = await dataFolder();
    await copyHead(data, 'pets');
    const server = await startServer(data);
    onTestFinished(() => void server.stop());
    const setAlias = (version: number) =>
      fetch(`${server.address}/v1/heads/pets/aliases/production`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ version }),
      });
    expect((await setAlias(1)).status).toBe(200);
    const load = keepAsking(server, 8, () => 'pets@production');
    for (let version = 2; version <= 6; version++) {
      await copyHead(data, 'pets');
      expect((await setAlias(version)).status).toBe(200);
      // What is asked from here on is answered by this version.
      const after = load.answers.length;
      await expect
        .poll(() => load.answers.slice(after).some(({ head }) => head === `pets@${version}`))
        .toBe(true);
    }
    const rolledBack = await runCommand('heads', 'rollback', 'pets', 'production', '--data', data);
    expect(rolledBack.code, rolledBack.stderr).toBe(0);
    await pause(50);
    const after = load.answers.length;
    await expect.poll(() => load.answers.slice(after + 16).map(({ head }) => head)).toContain('pets@5');
    const { answers, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(answers.map(({ head }) => head))).toEqual(
      new Set([1, 2, 3, 4, 5, 6].map((version) => `pets@${version}`)),
    );
  });

  it('refuses what is too much with a time to come back, and answers the rest', async () => {
    const server = await startServer(await dataFolder(), '--max-queue', '4');
    onTestFinished(() => void server.stop());
    const ask = (index: number) =>
      fetch(`${server.address}/v1/predict`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ head: 'emoji', inputs: [{ text: `number ${index}`, image: image }] }),
      });
    const responses = await Promise.all(Array.from({ length: 60 }, (_, index) => ask(index)));
    const statuses = new Set(responses.map(({ status }) => status));
    expect(statuses).toEqual(new Set([200, 503]));
    for (const response of responses.filter(({ status }) => status === 503))
      expect(Number(response.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1);
    expect((await ask(99)).status).toBe(200);
  });

  it('answers from very many heads with memory for five of them', async () => {
    const data = await dataFolder();
    const count = 300;
    await copyHead(data, ...Array.from({ length: count }, (_, index) => `head-${index}`));
    const server = await startServer(data, '--head-memory', '20');
    onTestFinished(() => void server.stop());
    const load = keepAsking(server, 8, (turn, caller) => `head-${(turn * 8 + caller) % count}`);
    await expect.poll(() => load.answers.length).toBeGreaterThan(1.1 * count);
    const { answers, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(answers.map(({ head }) => head)).size).toBe(count);
    const metrics = await (await fetch(`${server.address}/metrics`)).text();
    expect(Number(/^tandem_loaded_head_bytes (\S+)/m.exec(metrics)?.[1])).toBeLessThanOrEqual(20 * 2 ** 20);
    expect(metrics).toMatch(/tandem_predictions_total\{head="head-7",version="1",outcome="ok"\} \d+/);
  });
});
