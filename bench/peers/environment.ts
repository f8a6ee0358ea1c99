import { execFile } from 'node:child_process';
import { access, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const folder = path.join(import.meta.dirname, '.venv');

/**
 * The Python interpreter of the peers' own environment, which is made on first use.
 * @throws Error where there is no python3, or a package cannot be installed
 */
export async function peerPython(): Promise<string> {
  const python = path.join(folder, 'bin', 'python');
  const exists = await access(python).then(
    () => true,
    () => false,
  );
  if (!exists) await install();
  return python;
}

/** Builds under another name, so that an environment that bears the right name is whole. */
async function install(): Promise<void> {
  process.stderr.write('making bench/peers/.venv, some 1.2 GB, once …\n');
  const staging = `${folder}.part`;
  await rm(staging, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', staging]);
  const requirements = (await readFile(path.join(import.meta.dirname, 'requirements.txt'), 'utf8')).trim();
  // One after the other and torch first, from whatever index the machine is set up with: a build for the CPU is
  // enough.
  for (const requirement of requirements.split('\n'))
    await run(path.join(staging, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', requirement]);
  await rename(staging, folder);
}
