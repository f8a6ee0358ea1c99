import { access, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import pMap from 'p-map';
import { TandemError } from '../../errors.ts';
import { copyDurably, makeFolder, syncToDisk } from '../files/durable.ts';
import { exists } from '../files/exists.ts';
import { missing } from '../files/missing.ts';
import { type Artifacts, addedAtOnce } from './artifacts.ts';

/** Artifacts as files of a folder. */
export class FolderArtifacts implements Artifacts {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
  }

  async add(files: Iterable<readonly [string, string]>, onAdded?: (done: number) => void): Promise<void> {
    const folders = new Set<string>();
    let done = 0;
    const addOne = async ([key, file]: readonly [string, string]) => {
      const target = this.#file(key);
      if (!(await exists(target))) await intoFolder(target, () => copyDurably(file, target));
      // Its writer may not have waited for its name to be on the disk.
      folders.add(path.dirname(target));
      onAdded?.(++done);
    };
    await pMap(files, addOne, { concurrency: addedAtOnce });
    for (const folder of folders) await syncToDisk(folder);
  }

  async take(key: string, file: string): Promise<void> {
    const target = this.#file(key);
    await syncToDisk(file);
    const isMoved = await intoFolder(target, async () => {
      try {
        await rename(file, target);
        return true;
      } catch (error) {
        // It lies on another disk.
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
        await copyDurably(file, target);
        return false;
      }
    });
    await syncToDisk(path.dirname(target));
    if (!isMoved) await rm(file);
  }

  async path(key: string): Promise<string> {
    const file = this.#file(key);
    await access(file).catch((cause) => {
      throw new TandemError('damaged-artifact', `${file} is missing`, { cause });
    });
    return file;
  }

  read(key: string): Promise<Uint8Array | undefined> {
    return readFile(this.#file(key)).catch(missing);
  }

  has(key: string): Promise<boolean> {
    return exists(this.#file(key));
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(this.#file(key), { force: true });
    // Folders that are empty now go as well; others stay.
    for (const folder of new Set(keys.map((key) => path.dirname(key))))
      await rmdir(this.#file(folder)).catch(() => {});
  }

  async *list(prefix: string): AsyncGenerator<{ key: string; age: number }> {
    const entries = await readdir(this.#file(prefix), { recursive: true, withFileTypes: true }).catch(
      missing,
    );
    for (const entry of entries ?? []) {
      const file = path.join(entry.parentPath, entry.name);
      const found = entry.isFile() ? await stat(file).catch(missing) : undefined;
      if (!found) continue;
      const key = path.relative(this.#folder, file).replaceAll(path.sep, '/');
      yield { key, age: Date.now() - found.mtimeMs };
    }
  }

  /** There are none. */
  async *listCopies(): AsyncGenerator<string> {}

  /** There are none. */
  async removeCopies(): Promise<void> {}

  /** There are none. */
  async removeStaleCopies(): Promise<void> {}

  #file(key: string): string {
    return path.join(this.#folder, key);
  }
}

/** How often a file is put into a folder that is removed meanwhile. */
const mostTries = 10;

/** Makes a target's folder and puts the target into it. A removal beside this may take the folder away while it is empty. */
async function intoFolder<Result>(target: string, put: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      await makeFolder(path.dirname(target));
      return await put();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === mostTries) throw error;
    }
  }
}
