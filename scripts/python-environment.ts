import { execFile } from 'node:child_process';
import { access, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The Python interpreter of a folder's own environment (`.venv` in it), which is made on first use and completed where
 * it lacks something of the folder's requirements.txt. Only benchmarks and tests use Python; the product never does.
 * @throws Error where there is no python3, or a package cannot be installed
 * @example const python = await pythonEnvironment('bench/peers');
 */
export async function pythonEnvironment(folder: string): Promise<string> {
  const environment = path.join(folder, '.venv');
  const python = path.join(environment, 'bin', 'python');
  const noted = path.join(environment, 'installed.txt');
  const requirements = (await readFile(path.join(folder, 'requirements.txt'), 'utf8')).trim();
  if ((await readFile(noted, 'utf8').catch(() => undefined)) === requirements) return python;
  process.stderr.write(`making ${environment}, once …\n`);
  const exists = await access(python).then(
    () => true,
    () => false,
  );
  if (!exists) await run('python3', ['-m', 'venv', environment]);
  // One after the other, from whatever index the machine is set up with: so torch, which comes first, may be a build
  // for the CPU.
  for (const requirement of requirements.split('\n'))
    await run(python, ['-m', 'pip', 'install', '--quiet', requirement]);
  // What is installed is noted last, so that an environment that says so is whole.
  await writeFile(noted, requirements);
  return python;
}
