import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder and those above it, as Node's recursive mkdir does; but that tries for ever where a file system says of
 * a folder in one that is there that it cannot find it, as Linux's /proc does (Node 24).
 * @throws the file system's error
 */
export async function makeFolders(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isFolder = async (place: string) => (await stat(place).catch(() => undefined))?.isDirectory();
    if (code === 'EEXIST' && (await isFolder(folder))) return;
    const parent = path.dirname(path.resolve(folder));
    if (code !== 'ENOENT') throw error;
    if (await isFolder(parent)) throw new Error(`${parent} takes no new folders`, { cause: error });
    await makeFolders(parent);
    await makeFolders(folder);
  }
}
