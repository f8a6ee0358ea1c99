import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const folder = path.join(import.meta.dirname, '..', 'packages');

/**
 * Reads a file of one of the packages that datasets are made of. They are installed on first use.
 * @example await readPackageFile('world-countries/countries.json');
 */
export async function readPackageFile(name: string): Promise<string> {
  const modules = path.join(folder, 'node_modules');
  const installed = await access(modules).then(
    () => true,
    () => false,
  );
  if (!installed) await promisify(execFile)('npm', ['ci', '--ignore-scripts'], { cwd: folder });
  return readFile(path.join(modules, name), 'utf8');
}
