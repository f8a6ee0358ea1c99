import { access, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { copyDurably, removeLeftovers, syncToDisk } from './durable.ts';

/**
 * Pictures under the sha256 of their bytes, so that the same picture is stored once whoever brings it:
 * `<folder>/<first two digits>/<sha256>`. Nothing here is ever changed, only added and removed.
 * @example
 * const pictures = new PictureStore('data/pictures');
 * await pictures.add(hash, 'uploads/7f/cat.jpg');
 * const file = pictures.path(hash);
 */
export class PictureStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
  }

  path(hash: string): string {
    return path.join(this.#folder, hash.slice(0, 2), hash);
  }

  /**
   * Takes a copy of a file, which is on the disk when this resolves. `flush` makes its name durable, too.
   * @param hash sha256 of its bytes, hexadecimal
   */
  async add(hash: string, file: string): Promise<void> {
    const target = this.path(hash);
    const isThere = await access(target).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await mkdir(path.dirname(target), { recursive: true });
    await copyDurably(file, target);
  }

  /** Waits until the names of everything that was added are on the disk. */
  async flush(): Promise<void> {
    for (const name of await this.#subfolders()) await syncToDisk(path.join(this.#folder, name));
    await syncToDisk(this.#folder).catch(ignoreMissing);
  }

  async remove(hash: string): Promise<void> {
    await rm(this.path(hash), { force: true });
  }

  /** Removes what a crash left half written. */
  async clean(): Promise<void> {
    for (const name of await this.#subfolders()) await removeLeftovers(path.join(this.#folder, name));
  }

  /** The hashes of all pictures. */
  async list(): Promise<string[]> {
    const hashes: string[] = [];
    for (const name of await this.#subfolders())
      for (const file of await readdir(path.join(this.#folder, name)))
        if (!file.startsWith('.')) hashes.push(file);
    return hashes;
  }

  #subfolders(): Promise<string[]> {
    return readdir(this.#folder).catch((error) => {
      ignoreMissing(error);
      return [];
    });
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
