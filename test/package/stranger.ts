import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Served {
  address: string;
  stop(): Promise<void>;
}

const root = path.join(import.meta.dirname, '..', '..');

/** A project of someone else, in an empty folder, with this package installed from its tarball. */
export class Stranger {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Packs, installs, and brings the code of consumer/. @throws Error with what npm said where it fails */
  static async install(): Promise<Stranger> {
    const home = await mkdtemp(path.join(tmpdir(), 'stranger-'));
    const stranger = new Stranger(path.join(home, 'project'));
    await mkdir(stranger.folder);
    // No script runs by itself in this repository (.npmrc), so none builds before a package is made.
    await succeed(run('npm', ['run', '-s', 'build'], { cwd: root }));
    const packed = await succeed(run('npm', ['pack', '--silent', '--pack-destination', home], { cwd: root }));
    await writeFile(path.join(stranger.folder, 'package.json'), '{ "type": "module" }');
    const tarball = path.join('..', packed.stdout.trim().split('\n').at(-1)!);
    await succeed(stranger.run('npm', 'install', '--prefer-offline', tarball));
    await cp(path.join(import.meta.dirname, 'consumer'), stranger.folder, { recursive: true });
    return stranger;
  }

  /** A path inside the project. */
  path(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  /** Runs a program in the project's folder. */
  run(program: string, ...args: string[]): Promise<Outcome> {
    return run(program, args, { cwd: this.folder });
  }

  /** Starts `npx tandem serve` on a free port, and waits until it says where. @throws Error where it ends instead */
  async serve(...flags: string[]): Promise<Served> {
    const args = ['tandem', 'serve', '--json', '--port', '0', '--log-level', 'error', ...flags];
    // npx passes no signals on: the whole group gets them.
    const child = spawn('npx', args, {
      cwd: this.folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    return {
      address: await announcedAddress(child),
      async stop() {
        process.kill(-child.pid!, 'SIGTERM');
        await ended;
      },
    };
  }

  async remove(): Promise<void> {
    await rm(path.dirname(this.folder), { recursive: true, force: true });
  }
}

/** @throws Error with what was printed where the program failed */
export async function succeed(outcome: Promise<Outcome>): Promise<Outcome> {
  const { code, stdout, stderr } = await outcome;
  if (code !== 0) throw new Error(`code ${code}: ${stdout}${stderr}`);
  return { code, stdout, stderr };
}

async function announcedAddress({ stdout }: ChildProcess): Promise<string> {
  let text = '';
  for await (const line of createInterface({ input: stdout! })) {
    text += line;
    if (line === '}') return JSON.parse(text).address;
  }
  throw new Error(`the server did not start: ${text}`);
}

function run(program: string, args: string[], { cwd }: { cwd: string }): Promise<Outcome> {
  const child = spawn(program, args, { cwd, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** As in a shell of the stranger's: without what npm says of this project, and with this Node. */
function environment(): NodeJS.ProcessEnv {
  const isOurs = (name: string) =>
    /^(npm_(package|lifecycle|command|config_local_prefix|config_onnxruntime|node_execpath|execpath)|INIT_CWD|TANDEM_|VITEST|NODE_ENV)/.test(
      name,
    );
  const own = Object.entries(process.env).filter(([name]) => !isOurs(name));
  return {
    ...Object.fromEntries(own),
    PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}`,
    // Its install script would fetch CUDA's provider, and fails where it cannot.
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  };
}
