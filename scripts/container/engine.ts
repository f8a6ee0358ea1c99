import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Docker, or Podman, which takes the same commands. */
export interface ContainerEngine {
  name: 'docker' | 'podman';
  /** What comes before every command: `docker`, or `podman` with its runtime. */
  command: string[];
}

/**
 * The container engine of this machine.
 * @returns undefined where none works
 * @example const engine = await findEngine(); // { name: 'podman', command: ['podman', '--runtime', 'runc'] }
 */
export async function findEngine(): Promise<ContainerEngine | undefined> {
  const works = (file: string, ...args: string[]) =>
    execute(file, args).then(
      () => true,
      () => false,
    );
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
