import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const examples = path.join(import.meta.dirname, '..', '..', 'examples');

/** Where an example is run: a folder of the test's own, with the files that its README speaks of. */
export interface Place {
  folder: string;
  /** Address of the server that stands for http://127.0.0.1:8080. */
  address: string;
  /** What comes first on the PATH. */
  binaries?: string;
}

/** The commands in an example's README that run one of its own files, in their order. */
export async function commandsOf(example: string): Promise<string[]> {
  return (await linesOf(example)).filter((line) => /^(node|python) \w+\.\w+ /.test(line));
}

/** The requests in an example's README. */
export async function curlsOf(example: string): Promise<string[]> {
  return (await linesOf(example)).filter((line) => line.startsWith('curl '));
}

async function linesOf(example: string): Promise<string[]> {
  const readme = await readFile(path.join(examples, example, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.trim().split('\n'));
}

/** Starts a command of an example's README, on a server of the test's. */
export function startExample(example: string, command: string, place: Place, env = {}): ChildProcess {
  const [program, file, ...rest] = command.replace('http://127.0.0.1:8080', place.address).split(' ');
  const line = [program, path.join(examples, example, file), ...rest].join(' ');
  const PATH = [place.binaries, process.env.PATH].filter(Boolean).join(path.delimiter);
  return spawn('sh', ['-c', `exec ${line}`], { cwd: place.folder, env: { ...process.env, PATH, ...env } });
}

/** The same, until it has ended. */
export async function runExample(...args: Parameters<typeof startExample>) {
  const child = startExample(...args);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.on('data', (chunk) => {
      output[name] += chunk;
    });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, ...output };
}
