import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';

const run = promisify(execFile);

export interface PostgresServer {
  /** Of a database that is empty. */
  address: string;
  /** Folder that changes are written to before anything else. */
  journal: string;
  /** Ends all of it at once, as a power cut would, and starts it again after a pause (milliseconds). */
  restart(pause: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL server of its own on loopback, from what Debian's package `postgresql` installs.
 * @throws Error where it is not installed
 */
export async function startPostgres(): Promise<PostgresServer> {
  const binaries = await findBinaries();
  // It refuses to run as root.
  const owner = process.getuid?.() === 0 ? await userNamed('postgres') : undefined;
  const folder = await mkdtemp(path.join(tmpdir(), 'postgres-'));
  if (owner) await chown(folder, owner.uid, owner.gid);
  const cluster = path.join(folder, 'cluster');
  await run(
    path.join(binaries, 'initdb'),
    ['-D', cluster, '-U', 'tandem', '--auth', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    owner,
  );
  const port = await freePort();
  const start = async () => {
    const listening = ['-h', '127.0.0.1', '-p', String(port), '-k', folder, '-c', 'max_connections=300'];
    // What is written outlives the server, if not the machine: here only servers are killed.
    const settings = [...listening, '-c', 'fsync=off'];
    const server = spawn(path.join(binaries, 'postgres'), ['-D', cluster, ...settings], {
      ...owner,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    server.stderr.on('data', (text) => {
      said += text;
    });
    while (!said.includes('ready to accept connections')) {
      if (server.exitCode !== null) throw new Error(`PostgreSQL did not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return server;
  };
  let server = await start();
  await run(path.join(binaries, 'createdb'), [
    '-h',
    '127.0.0.1',
    '-p',
    String(port),
    '-U',
    'tandem',
    'tandem',
  ]);
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  };
  return {
    address: `postgres://tandem@127.0.0.1:${port}/tandem`,
    journal: path.join(cluster, 'pg_wal'),
    async restart(pause) {
      await end('SIGQUIT');
      await new Promise((resolve) => setTimeout(resolve, pause));
      server = await start();
    },
    async stop() {
      await end('SIGINT');
      await rm(folder, { recursive: true });
    },
  };
}

/** The folder with the newest version's programs. */
async function findBinaries(): Promise<string> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  const [newest] = versions.sort((a, b) => Number(b) - Number(a));
  if (newest === undefined)
    throw new Error('PostgreSQL is not installed; on Debian: apt-get install postgresql');
  return path.join(root, newest, 'bin');
}

async function userNamed(name: string): Promise<{ uid: number; gid: number }> {
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const found = users.find(([user]) => user === name);
  if (!found) throw new Error(`there is no user ${name}, who runs PostgreSQL`);
  return { uid: Number(found[2]), gid: Number(found[3]) };
}
