import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import { type HeadRecord, readRecord } from './aliases.ts';
import { missing } from './missing.ts';

export interface HeadVersion {
  name: string;
  version: number;
  folder: string;
}

export interface KnownHead {
  /** In rising order. */
  versions: HeadVersion[];
  aliases: HeadRecord['aliases'];
}

/** Two changes of a folder that are less than this apart may leave it with the same time, in milliseconds. */
const clockResolution = 50;
const mostRemembered = 10_000;

/**
 * The versions and aliases of heads as they lie in folders, read again only where a folder has changed: every change,
 * by this process or another, renames something into it.
 */
export class HeadIndex {
  readonly #roots: readonly string[];
  readonly #known = new LRUCache<string, KnownHead & { stamp: string }>({ max: mostRemembered });

  /** @param roots the first lies over the others */
  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** @throws TandemError `damaged-artifact` */
  async read(name: string): Promise<KnownHead> {
    const folders = this.#roots.map((root) => path.join(root, name));
    const found = await Promise.all(folders.map((folder) => stat(folder, { bigint: true }).catch(missing)));
    const stamp = found.map((folder) => (folder ? `${folder.ino} ${folder.mtimeNs}` : '')).join();
    const known = this.#known.get(name);
    if (known?.stamp === stamp) return known;
    const [aliases, versions] = await Promise.all([
      readRecord(folders[0]).then((record) => record.aliases),
      versionsIn(name, folders),
    ]);
    const isSettled = found.every(
      (folder) => !folder || Date.now() - Number(folder.mtimeMs) > clockResolution,
    );
    if (isSettled) this.#known.set(name, { stamp, versions, aliases });
    return { versions, aliases };
  }
}

async function versionsIn(name: string, folders: readonly string[]): Promise<HeadVersion[]> {
  const found = new Map<number, HeadVersion>();
  for (const parent of folders.toReversed())
    for (const entry of await foldersIn(parent))
      if (/^[1-9]\d*$/.test(entry))
        found.set(Number(entry), { name, version: Number(entry), folder: path.join(parent, entry) });
  return [...found.values()].sort((a, b) => a.version - b.version);
}

/** Names of the folders in a folder; none where there is no such folder. */
export async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(missing);
  return (entries ?? []).filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
