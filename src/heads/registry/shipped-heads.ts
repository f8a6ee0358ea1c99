import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { missing } from '../../store/files/missing.ts';

/** The file of a head that says what it is. */
export const manifestFile = 'head.json';

/** A head's version that lies in a folder which is only read. */
export interface ShippedHead {
  name: string;
  version: number;
  folder: string;
  /** The text of its head.json. */
  manifest: string;
}

/**
 * The heads that ship with the program: folders `<root>/<name>/<version>`.
 * @param root need not be there
 */
export async function readShippedHeads(root: string): Promise<ShippedHead[]> {
  const heads: ShippedHead[] = [];
  for (const name of await foldersIn(root))
    for (const version of await foldersIn(path.join(root, name))) {
      if (!/^[1-9]\d*$/.test(version)) continue;
      const folder = path.join(root, name, version);
      // One that cannot be read is listed as damaged, and takes no others along.
      const manifest = await readFile(path.join(folder, manifestFile), 'utf8').catch(() => '');
      heads.push({ name, version: Number(version), folder, manifest });
    }
  return heads;
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(missing);
  return (entries ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
