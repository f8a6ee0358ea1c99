import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { inject } from 'vitest';
import yazl from 'yazl';
import { storeEnvironment } from '../unit/store/test-store.ts';

export const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
export const fixtures = fileURLToPath(new URL('../fixtures/encoders/', import.meta.url));

export interface StartedServer {
  address: string;
  pid: number;
  /** What it says of itself when it starts. */
  announced: { grpc?: string; batching: unknown };
  /** Sends SIGTERM and waits for the exit. @returns the exit code */
  stop(): Promise<number | null>;
  /** Ends it at once, as a lack of memory would. A job's process finds out a moment later. */
  kill(): Promise<void>;
}

/** Starts the real server as a process of its own, as `npm start` does, and waits until it announces itself. */
export function startServer(data: string, ...flags: string[]): Promise<StartedServer> {
  return startServerIn({}, data, ...flags);
}

/** The same with an environment of its own, beside this process's. */
export async function startServerIn(
  environment: Record<string, string>,
  data: string,
  ...flags: string[]
): Promise<StartedServer> {
  const command = [main, 'serve', '--json', '--port', '0', '--data', data, '--log-level', 'error', ...flags];
  const env = { ...process.env, ...storeEnvironment(data), ...environment };
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
  let text = '';
  for await (const line of createInterface({ input: child.stdout })) {
    text += line;
    if (line === '}') break;
  }
  const announced = JSON.parse(text);
  return {
    address: announced.address,
    pid: child.pid!,
    announced,
    stop() {
      child.kill('SIGTERM');
      return exit;
    },
    async kill() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

export interface CommandResult {
  /** Null where it was killed. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command of the command line. */
export function runCommand(...args: string[]): Promise<CommandResult> {
  return startCommand(...args).ended;
}

/** Runs a command on a data folder, and reads the one JSON object that it prints. */
export async function runForJson(data: string, ...args: string[]) {
  const { code, stdout, stderr } = await runCommand(...args, '--json', '--data', data);
  return { code, value: JSON.parse(stdout), stderr };
}

export interface StartedCommand {
  pid: number;
  kill(): void;
  /** As Ctrl+C does, but for the processes that it has started. */
  interrupt(): void;
  ended: Promise<CommandResult>;
}

/** The same, and it may be killed. */
export function startCommand(...args: string[]): StartedCommand {
  const data = args[args.indexOf('--data') + 1];
  const env = { ...process.env, ...(args.includes('--data') && storeEnvironment(data)) };
  const child = spawn(process.execPath, [main, ...args], { env });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return {
    pid: child.pid!,
    kill: () => void child.kill('SIGKILL'),
    interrupt: () => void child.kill('SIGINT'),
    ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr }))),
  };
}

/** A small part of the sample set: real images and texts, `perLabel` of each of `labels` labels. */
export async function smallSample(folder: string, labels: number, perLabel: number): Promise<void> {
  const whole = inject('sampleSet');
  const rows: Record<'file_name' | 'label', string>[] = parse(
    await readFile(path.join(whole, 'metadata.csv')),
    {
      columns: true,
    },
  );
  const groups = [...Map.groupBy(rows, ({ label }) => label).values()].slice(0, labels);
  const chosen = groups.flatMap((group) => group.slice(0, perLabel));
  await mkdir(folder, { recursive: true });
  for (const { file_name: file } of chosen) await cp(path.join(whole, file), path.join(folder, file));
  await writeFile(
    path.join(folder, 'metadata.jsonl'),
    `${chosen.map((row) => JSON.stringify(row)).join('\n')}\n`,
  );
}

/** Packs files into a zip file. */
export async function zip(target: string, files: Record<string, Uint8Array | string>): Promise<void> {
  const archive = new yazl.ZipFile();
  for (const [name, content] of Object.entries(files)) archive.addBuffer(Buffer.from(content), name);
  archive.end();
  await new Promise<void>((resolve, reject) => {
    archive.outputStream.pipe(createWriteStream(target)).on('close', resolve).on('error', reject);
  });
}

/** Packs every file of a folder into a zip file. */
export async function zipFolder(folder: string, target: string): Promise<void> {
  const entries = (await readdir(folder)).map(
    async (name) => [name, await readFile(path.join(folder, name))] as const,
  );
  await zip(target, Object.fromEntries(await Promise.all(entries)));
}

/** Makes `sample.zip` of a small part of the sample set, and the folder `sample` that it was made of. @returns its path */
export async function sampleArchive(folder: string, labels: number, perLabel: number): Promise<string> {
  const [sample, archive] = ['sample', 'sample.zip'].map((name) => path.join(folder, name));
  await smallSample(sample, labels, perLabel);
  await zipFolder(sample, archive);
  return archive;
}

/** A form with fields and files, for a multipart request. */
export async function form(
  fields: Record<string, string>,
  files: Record<string, string> = {},
): Promise<FormData> {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  for (const [name, file] of Object.entries(files))
    data.set(name, new Blob([await readFile(file)]), path.basename(file));
  return data;
}
