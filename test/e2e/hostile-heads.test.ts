import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { create } from 'tar';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { HeadRegistry } from '../../src/heads/registry/heads.ts';
import { openStore } from '../../src/store/store.ts';
import { writeEndlessEncoder } from '../attack/payloads/endless-encoder.ts';
import { endlessHead } from '../attack/payloads/heads.ts';
import { isAlive } from '../is-alive.ts';
import { problemOf } from '../unit/protocols/double.ts';
import { storeAt } from '../unit/store/test-store.ts';
import { form, runCommand, type StartedServer, startCommand, startServer } from './server.ts';

const models = fileURLToPath(new URL('../../models/', import.meta.url));
const emoji = path.join(models, 'heads', 'emoji', '1');
/** Milliseconds that a head may take here. */
const headTimeout = 3000;

let folder: string;
let data: string;
let server: StartedServer;
let endless: Uint8Array;
let manifest: { weights: string; name: string; version: number; labels: string[] };
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hostile-heads-'));
  data = path.join(folder, 'data');
  const own = JSON.parse(await readFile(path.join(emoji, 'head.json'), 'utf8'));
  // Texts alone are enough to set it off.
  const encoders = own.encoders.toSorted((a: { modality: string }) => (a.modality === 'text' ? -1 : 1));
  endless = endlessHead({ encoders, labels: own.labels });
  manifest = { ...own, encoders, weights: sha256(endless) };
  server = await startServer(data, '--head-timeout', String(headTimeout));
});
afterAll(async () => {
  await server.kill();
  await rm(folder, { recursive: true });
});

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const predict = async (head: string, text: string) =>
  fetch(`${server.address}/v1/predict`, { method: 'POST', body: await form({ head, text }) });
const readiness = async () => (await fetch(`${server.address}/readyz`)).status;

/** Waits until readiness tells of a head that holds its engine, however long its features take. @throws Error where the head ends before */
async function untilUnready(wedged: Promise<unknown>): Promise<void> {
  let isOver = false;
  void wedged.finally(() => {
    isOver = true;
  });
  while ((await readiness()) !== 503) {
    if (isOver) throw new Error('the head ended, and readiness did not tell');
    await pause(20);
  }
}

/** Registers a head as no import would let it: straight into the store, beside the server. */
async function place(name: string, files: Record<string, Uint8Array | string> = {}): Promise<string> {
  const store = await openStore(storeAt(data));
  try {
    const registered = await new HeadRegistry(store).register(name, async (folder, version) => {
      const written = { 'head.onnx': endless, ...files };
      for (const [file, content] of Object.entries(written))
        await writeFile(path.join(folder, file), content);
      await writeFile(path.join(folder, 'head.json'), JSON.stringify({ ...manifest, name, version }));
    });
    return registered.folder;
  } finally {
    await store.close();
  }
}

it('turns down a head whose Loop has no end, though it answers features that are all zero', async () => {
  const scratch = await mkdtemp(path.join(folder, 'package-'));
  const head = JSON.stringify(manifest);
  const files = { 'head.json': sha256(head), 'head.onnx': sha256(endless) };
  await writeFile(path.join(scratch, 'head.json'), head);
  await writeFile(path.join(scratch, 'head.onnx'), endless);
  await writeFile(
    path.join(scratch, 'manifest.json'),
    JSON.stringify({ format: 1, name: 'endless', version: 1, files }),
  );
  const names = ['manifest.json', 'head.json', 'head.onnx'];
  await writeFile(
    path.join(folder, 'endless.tar'),
    await buffer(create({ cwd: scratch, portable: true }, names) as never),
  );
  const body = await form({}, { file: path.join(folder, 'endless.tar') });
  const problem = await problemOf(await fetch(`${server.address}/v1/heads`, { method: 'POST', body }));
  expect(problem).toMatchObject({ status: 422, code: 'invalid-head' });
  expect(problem.detail).toContain('which no head is made of');
});

it('stops such a head at its deadline where it is registered all the same; others go on, and readiness tells', async () => {
  await place('endless');
  expect(await (await predict('emoji', 'a dog')).json()).toMatchObject({ head: { name: 'emoji' } });
  expect(await readiness()).toBe(200);
  const wedged = predict('endless', 'a dog');
  const unready = untilUnready(wedged);
  const waiting = predict('emoji', 'a cat');
  await unready;
  const stopped = await wedged;
  expect(stopped.headers.get('Retry-After')).toBe('60');
  expect(await problemOf(stopped)).toMatchObject({
    status: 503,
    code: 'head-stopped',
    detail: expect.stringContaining(`${headTimeout} ms`),
  });
  expect((await waiting).status).toBe(200);
  expect((await predict('emoji', 'a bird')).status).toBe(200);
  await expect.poll(readiness).toBe(200);
  const started = performance.now();
  expect(await problemOf(await predict('endless', 'a dog'))).toMatchObject({ code: 'head-stopped' });
  expect(performance.now() - started).toBeLessThan(headTimeout - 500);
});

it('answers by its own heads at once while an imported one holds its engine', async () => {
  await place('wedge');
  expect((await predict('emoji', 'a fish')).status).toBe(200);
  const wedged = predict('wedge', 'a fish');
  await untilUnready(wedged);
  const own = predict('emoji', 'a fish');
  const first = await Promise.race([own.then(() => 'its own'), wedged.then(() => 'imported')]);
  expect(first).toBe('its own');
  expect((await own).status).toBe(200);
  expect(await problemOf(await wedged)).toMatchObject({ code: 'head-stopped' });
  await expect.poll(readiness).toBe(200);
});

/** The processes that one has started and that have computed for some seconds. */
function busyChildrenOf(pid: number): number[] {
  const args = ['-o', 'pid=,cputimes=', '--ppid', String(pid)];
  const lines = spawnSync('ps', args, { encoding: 'utf8' }).stdout.trim().split('\n');
  const children = lines.map((line) => line.trim().split(/ +/).map(Number));
  return children.filter(([, seconds]) => seconds > 3).map(([child]) => child);
}

it('ends a command whose head never answers, and says which head', async () => {
  await place('command');
  const at = ['--data', data, '--head-timeout', '1000'];
  const predicted = await runCommand('predict', '--head', 'command', '--text', 'a dog', '--json', ...at);
  expect(predicted.code).toBe(1);
  expect(JSON.parse(predicted.stdout).error).toMatchObject({
    code: 'head-stopped',
    detail: expect.stringContaining('1000 ms'),
  });
  const rows = path.join(folder, 'rows');
  await mkdir(rows);
  const [label] = manifest.labels;
  await writeFile(path.join(rows, 'metadata.csv'), `text,label\na dog,${label}\na cat,${label}\n`);
  const evaluated = await runCommand('evaluate', rows, '--head', 'command', '--json', ...at);
  expect(JSON.parse(evaluated.stdout).error).toMatchObject({ code: 'head-stopped' });
  const compared = await runCommand(
    'heads',
    'compare',
    'emoji',
    'command',
    '--dataset',
    rows,
    '--json',
    ...at,
  );
  expect(JSON.parse(compared.stdout).error).toMatchObject({ code: 'head-stopped' });
});

it('leaves no process of a command that is interrupted while its head runs', async () => {
  await place('interrupted');
  const args = ['predict', '--head', 'interrupted', '--text', 'a dog', '--data', data];
  const command = startCommand(...args, '--head-timeout', '3600000');
  onTestFinished(() => command.kill());
  const busy = () => busyChildrenOf(command.pid);
  await expect.poll(busy, { interval: 250 }).toHaveLength(1);
  const [child] = busy();
  command.interrupt();
  expect((await command.ended).code).toBe(null);
  await expect.poll(() => isAlive(child)).toBe(false);
});

it('ends at SIGTERM in seconds while a head holds its engine', async () => {
  await place('endless-too');
  const wedged = predict('endless-too', 'a dog').catch(() => undefined);
  await untilUnready(wedged);
  const started = performance.now();
  expect(await server.stop()).toBe(0);
  expect(performance.now() - started).toBeLessThan(30_000);
  await wedged;
});

it('ends at SIGTERM also while an encoder never ends its run, which no thread survives', async () => {
  const own = path.join(folder, 'models');
  await writeEndlessEncoder(path.join(own, 'endless'), 12);
  for (const name of ['efficientnet-lite0', 'efficientnet-lite0-whole', 'heads'])
    await symlink(path.join(models, name), path.join(own, name));
  const flags = ['--models', own, '--text-encoder', 'endless', '--engines', '1', '--memory', '0'];
  const stuck = await startServer(path.join(folder, 'stuck'), ...flags, '--request-timeout', '2000');
  onTestFinished(() => stuck.kill());
  const ask = (input: string) =>
    fetch(`${stuck.address}/v1/embeddings`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'endless', input }),
    });
  expect((await ask('a dog')).status).toBe(200);
  expect((await ask('a dog '.repeat(20))).status).toBe(504);
  const started = performance.now();
  // Killed by itself: there is no code.
  expect(await stuck.stop()).toBe(null);
  expect(performance.now() - started).toBeLessThan(60_000);
});
