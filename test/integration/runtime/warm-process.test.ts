import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { WarmProcesses } from '../../../src/runtime/warm-process.ts';
import { isAlive } from '../../is-alive.ts';

interface Answer {
  pid: number;
  /** Whether the process had been loaded before it got its order. */
  wasReady: boolean;
}

/** Processes of a script that works on its order once it is loaded, which takes it some time. */
async function startProcesses({ work = '', idle }: { work?: string; idle?: number } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'warm-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script = path.join(folder, 'script.mjs');
  await writeFile(
    script,
    `import { setTimeout } from 'node:timers/promises';
    import { writeFileSync } from 'node:fs';
    await setTimeout(400);
    const loadedAt = Date.now();
    writeFileSync(${JSON.stringify(folder)} + '/loaded-' + process.pid, '');
    process.once('message', async (order) => {
      ${work}
      process.send({ pid: process.pid, wasReady: order > loadedAt }, () => process.exit(0));
    });
    process.on('disconnect', () => process.exit(1));`,
  );
  const processes = new WarmProcesses(pathToFileURL(script), { memory: 256, idle });
  onTestFinished(() => processes.close());
  const { signal } = new AbortController();
  const run = async () => {
    const answers: Answer[] = [];
    const onMessage = (message: Answer) => void answers.push(message);
    await processes.run<Answer>(Date.now(), { timeout: 60_000, signal, onMessage });
    return answers[0]!;
  };
  const loaded = async () =>
    (await readdir(folder)).flatMap((name) => /^loaded-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  /** The process that is started ahead once it is loaded, after one that was not. */
  const spareAfter = async ({ pid }: Answer) => {
    const others = async () => (await loaded()).filter((each) => each !== pid);
    await expect.poll(others).toHaveLength(1);
    return (await others())[0]!;
  };
  return { processes, run, loaded, spareAfter, script };
}

const hasEnded = (pid: number) => expect.poll(() => isAlive(pid)).toBe(false);

it('has the process of the next order ready, and gives each process one order', async () => {
  const { run, spareAfter } = await startProcesses();
  const first = await run();
  expect(first.wasReady).toBe(false);
  const spare = await spareAfter(first);
  expect(await run()).toEqual({ pid: spare, wasReady: true });
  expect((await run()).pid).not.toBe(spare);
});

it('takes an order that comes before the spare process is loaded', async () => {
  const { run } = await startProcesses();
  const pids = [(await run()).pid, (await run()).pid, (await run()).pid];
  expect(new Set(pids).size).toBe(3);
});

it('works on several orders at a time', async () => {
  const { run } = await startProcesses();
  await run();
  const pids = (await Promise.all([run(), run(), run()])).map(({ pid }) => pid);
  expect(new Set(pids).size).toBe(3);
});

it('ends a spare process that nobody needs, and starts the next order all the same', async () => {
  const { run, spareAfter } = await startProcesses({ idle: 4000 });
  const first = await run();
  const spare = await spareAfter(first);
  await hasEnded(spare);
  expect((await run()).wasReady).toBe(false);
});

it('ends the spare process when it is closed, and starts none after an order that ends later', async () => {
  const { run, loaded, spareAfter, processes } = await startProcesses();
  const first = await run();
  const spare = await spareAfter(first);
  const last = run();
  processes.close();
  expect((await last).pid).toBe(spare);
  // As long as another would take to be loaded, and as long again.
  await pause(1500);
  expect((await loaded()).sort()).toEqual([first.pid, spare].sort());
  const other = await startProcesses();
  const idle = await other.spareAfter(await other.run());
  other.processes.close();
  await hasEnded(idle);
});

it('starts another process where the spare one was killed', async () => {
  const { run, spareAfter } = await startProcesses();
  const spare = await spareAfter(await run());
  process.kill(spare, 'SIGKILL');
  await hasEnded(spare);
  expect((await run()).pid).not.toBe(spare);
});

it('holds the spare process to the same memory', async () => {
  const work = `if (order % 2) await new Promise(() => {
    const all = []; globalThis.setInterval(() => all.push(Buffer.alloc(2 ** 24, 1)), 10);
  });`;
  const { processes, spareAfter } = await startProcesses({ work });
  const { signal } = new AbortController();
  let first: Answer | undefined;
  await processes.run<Answer>(2, {
    timeout: 60_000,
    signal,
    onMessage: (answer) => {
      first = answer;
    },
  });
  await spareAfter(first!);
  await expect(processes.run(3, { timeout: 60_000, signal, onMessage: () => {} })).rejects.toMatchObject({
    reason: 'memory',
    message: 'it needed more than 256 MiB',
  });
});

it('keeps no process alive for its spare', async () => {
  const { script } = await startProcesses();
  const module = new URL('../../../src/runtime/warm-process.ts', import.meta.url).href;
  const program = path.join(path.dirname(script), 'program.mjs');
  await writeFile(
    program,
    `import { pathToFileURL } from 'node:url';
    import { WarmProcesses } from ${JSON.stringify(module)};
    const processes = new WarmProcesses(pathToFileURL(${JSON.stringify(script)}), { memory: 256 });
    const { signal } = new AbortController();
    await processes.run(0, { timeout: 60_000, signal, onMessage: ({ pid }) => console.log(pid) });`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 30_000 });
  expect(Number(stdout)).toBeGreaterThan(0);
});
