import path from 'node:path';
import { LRUCache } from 'lru-cache';
import pMap from 'p-map';
import { TandemError } from '../../errors.ts';
import { itemAt } from '../../indexing.ts';
import type { Store } from '../../store/store.ts';
import type { HeadEntry } from './head-reading.ts';

const foldersRemembered = 10_000;
/** Folders that one query asks for. */
const lookedUpAtOnce = 1000;

/**
 * The folders of this machine in which versions of heads lie, copied from the artifacts where those lie elsewhere.
 * @example const folder = await new VersionFolders(store).folderOf(entry);
 */
export class VersionFolders {
  readonly #store: Store;
  readonly #folders = new LRUCache<string, Promise<string>>({ max: foldersRemembered });

  constructor(store: Store) {
    this.#store = store;
  }

  /** @throws TandemError `damaged-artifact` where a file, or the list of them, is missing */
  async folderOf(entry: HeadEntry): Promise<string> {
    if ('folder' in entry) return entry.folder;
    const { key, checksums } = entry;
    if (!checksums)
      throw new TandemError(
        'damaged-artifact',
        `the row of ${entry.name}@${entry.version} does not say which files it has`,
      );
    const known = this.#folders.get(key);
    if (known) return known;
    const { artifacts } = this.#store;
    const folder = pMap(Object.keys(checksums), (file) => artifacts.path(`${key}/${file}`)).then((files) =>
      path.dirname(itemAt(files, 0)),
    );
    this.#folders.set(key, folder);
    folder.catch(() => this.#folders.delete(key));
    return folder;
  }

  /** See `HeadRegistry.dropDeleted`. */
  async dropDeleted(): Promise<string[]> {
    const { artifacts, database } = this.#store;
    const copies = Map.groupBy(await Array.fromAsync(artifacts.listCopies('heads')), path.posix.dirname);
    const here = [...new Set([...this.#folders.keys(), ...copies.keys()])];
    const dropped: string[] = [];
    for (let first = 0; first < here.length; first += lookedUpAtOnce) {
      const keys = here.slice(first, first + lookedUpAtOnce);
      const rows = await database.query
        .selectFrom('headVersion')
        .select('folder')
        .where('folder', 'in', keys)
        .execute();
      const known = new Set(rows.map(({ folder }) => folder));
      for (const key of keys.filter((key) => !known.has(key))) {
        const opened = await this.#folders.get(key)?.catch(() => undefined);
        if (opened !== undefined) dropped.push(opened);
        this.#folders.delete(key);
        await artifacts.removeCopies(copies.get(key) ?? []);
      }
    }
    return dropped;
  }
}
