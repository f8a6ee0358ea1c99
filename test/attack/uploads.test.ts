import { openAsBlob } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedServer, startServer } from '../e2e/server.ts';
import { deepNames, longColumn, manyTexts, table } from './payloads/uploads.ts';

/** Milliseconds in which a server that works on an upload must answer others; it was 4,900 where it read it itself. */
const longestSilence = 1000;
/** MiB by which the server itself may grow meanwhile. */
const mostGrowth = 200;
/** MiB that an import may use where it is to need more. */
const littleMemory = 256;

let folder: string;
let server: StartedServer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'attack-uploads-'));
  server = await startServer(path.join(folder, 'data'), '--import-memory', '1280');
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const residentMemory = async () =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))![1]) / 1024;

/** How long others wait for an answer, and how much the server grows, while something is done to it. */
async function watched<Result>(attack: () => Promise<Result>) {
  let isOver = false;
  let silence = 0;
  const before = await residentMemory();
  let most = before;
  const watch = (async () => {
    while (!isOver) {
      const begun = performance.now();
      expect((await fetch(`${server.address}/healthz`)).status).toBe(200);
      silence = Math.max(silence, performance.now() - begun);
      most = Math.max(most, await residentMemory());
      await pause(20);
    }
  })();
  const result = await attack().finally(() => {
    isOver = true;
  });
  await watch;
  expect(silence).toBeLessThan(longestSilence);
  expect(most - before).toBeLessThan(mostGrowth);
  return result;
}

/** A form with a file that is read while it is sent: this process measures how the server answers meanwhile. */
async function uploadOf(file: string): Promise<FormData> {
  const data = new FormData();
  data.set('file', await openAsBlob(file), path.basename(file));
  return data;
}

async function bring(file: string, query = '', signal?: AbortSignal) {
  const response = await fetch(`${server.address}/v1/datasets${query}`, {
    method: 'POST',
    body: await uploadOf(file),
    signal,
  });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) };
}

/** What is left of uploads and imports, and who still works on one. */
async function leftovers() {
  const data = path.join(folder, 'data');
  const files = await Promise.all(
    ['uploads', 'scratch'].map((name) => readdir(path.join(data, name), { recursive: true }).catch(() => [])),
  );
  const children = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8');
  const pids = children.split(' ').filter(Boolean);
  const before = await Promise.all(pids.map(importTime));
  await pause(200);
  const after = await Promise.all(pids.map(importTime));
  // One waits for the next import, and computes nothing.
  const working = pids.filter((_, index) => before[index] !== after[index]);
  const idle = pids.filter((_, index) => after[index] !== undefined && !working.includes(pids[index] ?? ''));
  return [...files.flat(), ...working, ...idle.slice(1)];
}

/** Clock ticks that a process has computed for, where it is one of imports. */
async function importTime(pid: string): Promise<number | undefined> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  if (!(await read('cmdline')).includes('import-process')) return undefined;
  const [, , , , , , , , , , , user, system] = (await read('stat')).replace(/^.*\) /, '').split(' ');
  return Number(user) + Number(system);
}

const fileNamed = (name: string) => path.join(folder, name);
const nothingLeft = () => expect.poll(leftovers, { timeout: 10_000 }).toEqual([]);

describe('an upload that is refused, while the server answers others', () => {
  it('unpacks to a thousand times its size', async () => {
    const file = fileNamed('texts.zip');
    await manyTexts(file);
    expect((await stat(file)).size).toBeLessThan(6e6);
    const { status, body } = await watched(() => bring(file));
    expect(status).toBe(422);
    expect(body.errors[0].detail).toMatch(/would grow more than 200 times/);
    await nothingLeft();
  });

  it('has names a thousand folders deep', async () => {
    const file = fileNamed('deep.zip');
    await deepNames(file);
    const { status, body } = await watched(() => bring(file));
    expect(status).toBe(422);
    expect(body.errors[0].detail).toMatch(/deeper than/);
    await nothingLeft();
  });

  it('has a column with a name of 20 MB', async () => {
    const file = fileNamed('column.csv');
    await longColumn(file);
    const { status, text } = await watched(() => bring(file));
    expect(status).toBe(422);
    expect(text).toMatch(/the name of column 3 has 20000000 characters; 200 are the limit/);
    expect(text.length).toBeLessThan(10_000);
    await nothingLeft();
  });

  it('has more text than a dataset may', async () => {
    const file = fileNamed('texts.jsonl');
    const text = 'x'.repeat(99_000);
    await table(file, '', 3000, (row) => JSON.stringify({ text: row + text, label: row % 2 }));
    const { status, body } = await watched(() => bring(file));
    expect(status).toBe(422);
    expect(body.errors[0]).toMatchObject({
      at: expect.stringMatching(/^texts.jsonl row 2\d\d\d$/),
      detail: expect.stringMatching(/more than 256 MiB of text/),
    });
    await nothingLeft();
  });

  it.each([
    ['zeros.parquet', /a row group has more than 512 MiB/],
    ['rows.parquet', /there are more than 2000000 rows/],
    ['far.xlsx', /it has 16384 columns/],
  ])('is small and unpacks to far more: %s', async (name, detail) => {
    const { status, body } = await watched(() => bring(path.resolve('test/fixtures/tables', name)));
    expect(status).toBe(422);
    expect(body.errors[0].detail).toMatch(detail);
    await nothingLeft();
  });

  it('has a problem in each of 300,000 rows', async () => {
    const file = fileNamed('problems.csv');
    await table(file, 'text,label', 300_000, (row) => `${row},`);
    const { status, body } = await watched(() => bring(file, '?dryRun=true'));
    expect(status).toBe(200);
    expect(body.problemCount).toBeGreaterThanOrEqual(300_000);
    expect(body.problems).toHaveLength(1000);
    await nothingLeft();
  });
});

describe('a million rows', () => {
  it('are brought while the server answers others', async () => {
    const file = fileNamed('million.csv');
    await table(file, 'text,label', 1_000_000, (row) => `text ${row},${row % 2 ? 'cat' : 'dog'}`);
    const { status, body } = await watched(() => bring(file));
    expect([status, body.detail]).toEqual([201, undefined]);
    expect(body.counts.examples).toBe(1_000_000);
    await nothingLeft();
  });

  it('end with their caller, and leave nothing', async () => {
    const caller = new AbortController();
    const brought = bring(fileNamed('million.csv'), '', caller.signal);
    const failed = expect(brought).rejects.toThrow(/aborted/);
    await expect
      .poll(async () => (await leftovers()).filter((name) => name.startsWith('.import-')))
      .not.toEqual([]);
    await watched(async () => {
      caller.abort();
      await failed;
      await nothingLeft();
    });
  });
});

it('ends an import, or a job, that needs more memory to read its upload, and answers others meanwhile', async () => {
  await server.stop();
  server = await startServer(path.join(folder, 'data'), '--import-memory', String(littleMemory));
  const file = fileNamed('rows.csv');
  await table(file, 'text,label', 600_000, (row) => `a text that is like no other one ${row},${row % 1000}`);
  for (const query of ['?dryRun=true', '']) {
    const { status, body } = await watched(() => bring(file, query));
    expect(status).toBe(413);
    expect(body).toMatchObject({
      detail: `rows.csv: the import needed more than ${littleMemory} MiB`,
      fix: expect.stringContaining('--import-memory'),
    });
    await nothingLeft();
  }
  // A job reads its upload in the process that would train.
  const form = new FormData();
  form.set('head', 'too-much');
  form.set('file', await openAsBlob(file), path.basename(file));
  await watched(async () => {
    const answer = await fetch(`${server.address}/v1/jobs`, { method: 'POST', body: form });
    const { id } = await answer.json();
    expect(answer.status).toBe(202);
    const job = async () => (await fetch(`${server.address}/v1/jobs/${id}`)).json();
    await expect.poll(job, { timeout: 60_000 }).toMatchObject({
      state: 'failed',
      error: {
        code: 'payload-too-large',
        detail: `reading the dataset needed more than ${littleMemory} MiB`,
        fix: expect.stringContaining('--import-memory'),
      },
    });
  });
});
