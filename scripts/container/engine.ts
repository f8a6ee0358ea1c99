import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Docker, or Podman, which takes the same commands. */
export interface ContainerEngine {
  name: 'docker' | 'podman';
  /** What comes before every command: `docker`, or `podman` with its runtime. */
  command: string[];
}

/** Why containers can be neither built nor run here, and what would help. */
export const noEngine =
  'neither docker nor podman works here; on Debian: apt-get install podman buildah runc debootstrap';

/** What a container may open and start, said outright: where the usual limits can't be raised, none would start. */
export const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];

/** Whether a program can be run and ends well. */
export async function works(file: string, ...args: string[]): Promise<boolean> {
  return execute(file, args).then(
    () => true,
    () => false,
  );
}

/**
 * The container engine of this machine.
 * @returns undefined where none works
 * @example const engine = await findEngine(); // { name: 'podman', command: ['podman', '--runtime', 'runc'] }
 */
export async function findEngine(): Promise<ContainerEngine | undefined> {
  if (await works('docker', 'info')) return { name: 'docker', command: ['docker'] };
  if (!(await works('podman', 'info'))) return undefined;
  // Podman's usual crun refuses machines that mount both versions of control groups.
  const runtime = (await works('runc', '--version')) ? ['--runtime', 'runc'] : [];
  return { name: 'podman', command: ['podman', ...runtime] };
}

/**
 * Runs a command of the engine.
 * @returns what it wrote to stdout, without the last line break
 * @throws Error with what it wrote to stderr
 * @example await callEngine(engine, 'stop', 'tandem');
 */
export async function callEngine({ command }: ContainerEngine, ...args: string[]): Promise<string> {
  const [file, ...before] = command;
  const { stdout } = await execute(file, [...before, ...args], { maxBuffer: 2 ** 26 });
  return stdout.trimEnd();
}

/** Whether the engine has an image. */
export async function hasImage({ command }: ContainerEngine, image: string): Promise<boolean> {
  const [file, ...before] = command;
  return works(file, ...before, 'image', 'inspect', image);
}
