import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pythonEnvironment } from '../../scripts/python-environment.ts';
import { type Form, postOf } from './load.ts';

const root = path.join(import.meta.dirname, '..', '..');
const peers = path.join(root, 'bench', 'peers');

/** A server that answers multipart forms with `image` and `text`. */
export interface BenchedServer {
  /** Where forms are posted to. */
  url: string;
  /** Tandem's data folder. */
  data: string;
  close(): Promise<void>;
}

export const serverNames = ['tandem', 'fastapi', 'litserve', 'bentoml'] as const;
export type ServerName = (typeof serverNames)[number];

/**
 * Starts a server as a process of its own, and waits until it has answered the request.
 * @param flags of Tandem's `serve`
 * @param probe what it must have answered
 * @throws Error where it ends, or doesn't answer within two minutes
 */
export async function startServer(
  name: ServerName,
  { threads, flags = [], probe }: { threads: number; flags?: string[]; probe: Form },
): Promise<BenchedServer> {
  const port = await freePort();
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-serve-'));
  const [command, ...rest] = await commandLine(name, { port, threads, folder, flags });
  const child = spawn(command, rest, {
    cwd: peers,
    stdio: 'ignore',
    detached: true,
    env: {
      ...process.env,
      BENCH_PORT: String(port),
      BENCH_THREADS: String(threads),
      BENCH_MODELS: path.join(root, 'models'),
      BENTOML_HOME: folder,
      BENTOML_DO_NOT_TRACK: 'True',
    },
  });
  const exit = once(child, 'exit');
  const url = `http://127.0.0.1:${port}${name === 'tandem' ? '/v1/predict' : '/predict'}`;
  const close = async () => {
    // Its workers are in its process group.
    process.kill(-child.pid!, 'SIGTERM');
    const patience = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 10_000);
    await exit;
    clearTimeout(patience);
    await rm(folder, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < 240; attempt++) {
    if (child.exitCode !== null)
      throw new Error(
        `${name} ended with code ${child.exitCode}; start it by hand to see why: ${command} ${rest.join(' ')}`,
      );
    const response = await fetch(url, postOf(probe)).catch(() => undefined);
    if (response?.ok) return { url, data: folder, close };
    await pause(500);
  }
  await close();
  throw new Error(`${name} did not answer within two minutes`);
}

async function commandLine(
  name: ServerName,
  { port, threads, folder, flags }: { port: number; threads: number; folder: string; flags: string[] },
): Promise<string[]> {
  if (name === 'tandem')
    return [
      ...[process.execPath, path.join(root, 'src', 'main.ts'), 'serve', '--port', String(port)],
      ...['--threads', String(threads), '--data', folder, '--log-level', 'warn', ...flags],
    ];
  const python = await pythonEnvironment(peers);
  if (name === 'bentoml') return [python, '-m', 'bentoml', 'serve', 'serve_bentoml:Emoji'];
  return [python, `serve_${name}.py`];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
