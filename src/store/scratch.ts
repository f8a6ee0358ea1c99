import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { lockFile } from './database/data-lock.ts';
import { abandonedAfter } from './files/durable.ts';
import { missing } from './files/missing.ts';

/** Where a process has its scratch folders: a folder of its own, and beside it a lock that ends with the process. */
interface OwnFolder {
  path: string;
  unlock(): void;
}

/**
 * Folders of a data folder for what is under way. Each process has its own, so that those of a process that ended, however
 * it ended, are known and removed.
 * @example
 * const scratch = new Scratch('data');
 * const folder = await scratch.makeFolder();
 * await rm(folder, { recursive: true });
 * await scratch.close();
 */
export class Scratch {
  readonly #root: string;
  #own: Promise<OwnFolder> | undefined;

  constructor(data: string) {
    this.#root = path.resolve(data, 'scratch');
  }

  /** A new, empty folder. The caller removes it. */
  async makeFolder(): Promise<string> {
    this.#own ??= makeOwnFolder(this.#root);
    const { path: own } = await this.#own;
    return mkdtemp(path.join(own, 'work-'));
  }

  /** Removes the folders of processes that have ended. What cannot be removed now is left to the next look. */
  async removeAbandoned(): Promise<void> {
    const names = (await readdir(this.#root).catch(missing)) ?? [];
    for (const name of names) {
      const file = path.join(this.#root, name);
      if (name.endsWith('.lock')) await removeLoneLock(file, names);
      // Earlier releases had no locks.
      else if (name.startsWith('.')) await removeOld(file);
      else await removeUnlocked(file);
    }
    const data = path.dirname(this.#root);
    const siblings = (await readdir(data).catch(missing)) ?? [];
    // Earlier releases made scratch folders beside their place.
    for (const name of siblings)
      if (/^scratch[A-Za-z0-9]{6}$/.test(name)) await removeOld(path.join(data, name));
  }

  /** Removes this process's own folder. */
  async close(): Promise<void> {
    const own = await this.#own?.catch(() => undefined);
    this.#own = undefined;
    if (!own) return;
    await rm(own.path, { recursive: true, force: true });
    own.unlock();
    await rm(`${own.path}.lock`, { force: true });
  }
}

async function makeOwnFolder(root: string): Promise<OwnFolder> {
  await mkdir(root, { recursive: true });
  const own = path.join(root, randomUUID());
  // Locked before the folder is there: a folder without a lock is nobody's.
  const unlock = lockFile(`${own}.lock`);
  await mkdir(own);
  return { path: own, unlock };
}

async function removeUnlocked(folder: string): Promise<void> {
  const lock = `${folder}.lock`;
  try {
    const unlock = lockFile(lock);
    try {
      await rm(folder, { recursive: true, force: true });
      await rm(lock, { force: true });
    } finally {
      unlock();
    }
  } catch (error) {
    if (!(error instanceof TandemError) && !isDenied(error)) throw error;
  }
}

/** A lock without a folder is of a process that is just about to make it, or was. */
async function removeLoneLock(lock: string, names: readonly string[]): Promise<void> {
  if (!names.includes(path.basename(lock, '.lock'))) await removeOld(lock);
}

async function removeOld(file: string): Promise<void> {
  try {
    const found = await stat(file).catch(missing);
    if (found && Date.now() - found.mtimeMs > abandonedAfter)
      await rm(file, { recursive: true, force: true });
  } catch (error) {
    if (!isDenied(error)) throw error;
  }
}

function isDenied(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number };
  // SQLite's own words for it: read-only, and cannot be opened.
  return /^(EROFS|EACCES|EPERM)$/.test(code ?? '') || errcode === 8 || errcode === 14;
}
