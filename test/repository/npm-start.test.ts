import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';

const root = path.join(import.meta.dirname, '..', '..');

interface NpmStart {
  npm: ChildProcess;
  address: string;
  stderr(): string;
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** `npm start` in a process group of its own, once it announces its address. */
async function npmStart(): Promise<NpmStart> {
  const data = await mkdtemp(path.join(tmpdir(), 'npm-start-'));
  const flags = ['--port', '0', '--data', data, '--json', '--log-level', 'warn'];
  const npm = spawn('npm', ['start', '--', ...flags], { cwd: root, detached: true });
  const exit = new Promise<Awaited<NpmStart['exit']>>((resolve) =>
    npm.on('exit', (code, signal) => resolve({ code, signal })),
  );
  onTestFinished(async () => {
    endGroup(npm.pid!);
    await exit;
    await rm(data, { recursive: true, force: true });
  });
  let stderr = '';
  npm.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  let stdout = '';
  for await (const chunk of npm.stdout.iterator({ destroyOnReturn: false })) {
    stdout += chunk;
    if (/^}$/m.test(stdout)) break;
  }
  npm.stdout.resume();
  const { address } = JSON.parse(stdout.slice(stdout.indexOf('{')));
  return { npm, address, exit, stderr: () => stderr };
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** A prediction whose request is open until `finish` is called. */
async function openPrediction(address: string) {
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  async function* lines() {
    yield Buffer.from('{"text":"a slice of pizza"}\n');
    await finished;
    yield Buffer.from('{"text":"a bicycle"}\n');
  }
  const response = await fetch(`${address}/v1/predict?head=emoji`, {
    method: 'POST',
    body: lines() as unknown as BodyInit,
    headers: { 'Content-Type': 'application/x-ndjson' },
    ...({ duplex: 'half' } as object),
  });
  return { response, finish };
}

it.each([
  ['a SIGTERM to npm', (npm: ChildProcess) => npm.kill('SIGTERM')],
  // A terminal sends the signal to npm and to the server, and npm passes its own on: it arrives twice.
  ['Ctrl-C in a terminal', (npm: ChildProcess) => process.kill(-npm.pid!, 'SIGINT')],
])('stops gracefully after %s, and npm prints no warning', async (_, send) => {
  const { npm, address, stderr, exit } = await npmStart();
  const { response, finish } = await openPrediction(address);
  send(npm);
  await pause(300);
  finish();
  const lines = (await response.text()).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).labels.length)).toEqual([5, 5]);
  expect(await exit).toEqual({ code: 0, signal: null });
  await expect(fetch(`${address}/healthz`)).rejects.toThrow();
  expect(stderr()).not.toMatch(/npm/);
});

it('ends at once when the same signal comes again later', async () => {
  const { npm, address, exit } = await npmStart();
  const { response, finish } = await openPrediction(address);
  // Held until the end: fetch ends the request of an answer that is garbage.
  onTestFinished(async () => {
    finish();
    await response.body?.cancel().catch(() => {});
  });
  npm.kill('SIGTERM');
  await pause(1500);
  npm.kill('SIGTERM');
  expect(await exit).not.toEqual({ code: 0, signal: null });
});
