import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { runSupervised } from '../../../src/runtime/supervised-process.ts';

/** Runs what a script does with its order. @returns what it said, once it has ended */
async function run(work: string, options: Partial<Parameters<typeof runSupervised>[2]> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'supervised-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script = path.join(folder, 'script.mjs');
  await writeFile(
    script,
    `const say = (message) => new Promise((resolve) => process.send(message, resolve));
    process.once('message', async (order) => { ${work} });`,
  );
  const messages: unknown[] = [];
  await runSupervised(pathToFileURL(script), 'order', {
    memory: 256,
    timeout: 60_000,
    signal: new AbortController().signal,
    onMessage: (message) => messages.push(message),
    ...options,
  });
  return messages;
}

it('gives a process its order, and what it says', async () => {
  expect(await run("await say({ order }); await say('done'); process.exit(0)")).toEqual([
    { order: 'order' },
    'done',
  ]);
});

it.each([
  ['of its heap', 'const all = []; for (;;) all.push({ a: {} })'],
  ['outside of its heap', 'const all = []; setInterval(() => all.push(Buffer.alloc(2 ** 24, 1)), 10)'],
])('ends a process that needs too much memory %s', async (_, work) => {
  await expect(run(work)).rejects.toMatchObject({
    reason: 'memory',
    message: 'it needed more than 256 MiB',
  });
});

it('ends a process that never comes to an end', async () => {
  await expect(run('for (;;);', { timeout: 1000 })).rejects.toMatchObject({
    reason: 'timeout',
    message: 'it took more than 1 s',
  });
});

it('says how a process failed', async () => {
  await expect(run("console.error('broken'); process.exit(3)")).rejects.toMatchObject({
    reason: 'crash',
    message: 'it ended with code 3 broken',
  });
});

it('runs the script alone where this process was started with a program of its own', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'supervised-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script = path.join(folder, 'script.mjs');
  await writeFile(script, "process.once('message', (order) => process.send(order, () => process.exit(0)))");
  const module = new URL('../../../src/runtime/supervised-process.ts', import.meta.url).href;
  const program = `if (process.send) process.exit(9);
    const { runSupervised } = await import(${JSON.stringify(module)});
    const { signal } = new AbortController();
    await runSupervised(new URL(${JSON.stringify(pathToFileURL(script).href)}), 'order', {
      memory: 256, timeout: 30_000, signal, onMessage: (message) => console.log(message),
    });`;
  const started = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  expect((await started).stdout).toBe('order\n');
});

it('says so where a process cannot be started, and nothing is left unhandled', async () => {
  const { execPath } = process;
  onTestFinished(() => {
    process.execPath = execPath;
  });
  process.execPath = '/nowhere/node';
  await expect(run('')).rejects.toMatchObject({ code: 'ENOENT' });
});

it.each([
  ['lets go of its channel', "process.on('disconnect', () => process.exit(0)); await say('begun')"],
  ['hears nothing', "await say('begun'); for (;;);"],
])('ends with the signal, where the process %s', async (_, work) => {
  const caller = new AbortController();
  const onMessage = () => caller.abort(new Error('the caller left'));
  await expect(run(work, { signal: caller.signal, onMessage })).rejects.toThrow('the caller left');
});
