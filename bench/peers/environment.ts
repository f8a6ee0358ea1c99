import { execFile } from 'node:child_process';
import { access, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const folder = path.join(import.meta.dirname, '.venv');

/**
 * The Python interpreter of the peers' own environment, which is made on first use and completed where it lacks
 * something.
 * @throws Error where there is no python3, or a package cannot be installed
 */
export async function peerPython(): Promise<string> {
  const requirements = (await readFile(path.join(import.meta.dirname, 'requirements.txt'), 'utf8')).trim();
  const installed = await readFile(path.join(folder, 'installed.txt'), 'utf8').catch(() => undefined);
  if (installed !== requirements) await install(requirements);
  return path.join(folder, 'bin', 'python');
}

/** What is installed is noted last, so that an environment that says so is whole. */
async function install(requirements: string): Promise<void> {
  process.stderr.write('making bench/peers/.venv, some 1.3 GB, once …\n');
  const python = path.join(folder, 'bin', 'python');
  const exists = await access(python).then(
    () => true,
    () => false,
  );
  if (!exists) await run('python3', ['-m', 'venv', folder]);
  // One after the other and torch first, from whatever index the machine is set up with: a build for the CPU is
  // enough.
  for (const requirement of requirements.split('\n'))
    await run(python, ['-m', 'pip', 'install', '--quiet', requirement]);
  await writeFile(path.join(folder, 'installed.txt'), requirements);
}
