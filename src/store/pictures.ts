import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import { removeUnknown } from './artifacts/artifacts.ts';
import type { Tables } from './database/database.ts';
import { abandonedAfter } from './files/durable.ts';
import type { Store } from './store.ts';

/** Rows that one statement writes, and pictures that are removed in one transaction. */
const writtenAtOnce = 1000;
const removedAtOnce = 200;

/**
 * Pictures under the sha256 of their bytes, so that the same picture is stored once whoever brings it. A picture stays
 * as long as it has users: datasets, and imports that are under way.
 * @example
 * const pictures = new PictureStore(store);
 * await pictures.add('my-import', new Map([[hash, 'uploads/7f/cat.jpg']]));
 * const file = await pictures.path(hash);
 */
export class PictureStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** A file of this machine, to read only. */
  path(hash: string): Promise<string> {
    return this.#store.artifacts.path(keyOf(hash));
  }

  /**
   * Keeps copies of files for an import, until it hands them over or releases them.
   * @param files by the sha256 of their bytes, hexadecimal
   */
  async add(
    importing: string,
    files: ReadonlyMap<string, string>,
    onAdded?: (done: number) => void,
  ): Promise<void> {
    // First of all: from here on nobody removes those that are there already.
    const importedAt = new Date().toISOString();
    const rows = [...files.keys()].map((hash) => ({ user: importing, hash, importedAt }));
    await this.#exclusively(async (transaction) => {
      for (let first = 0; first < rows.length; first += writtenAtOnce) {
        await transaction
          .insertInto('pictureUse')
          .values(rows.slice(first, first + writtenAtOnce))
          .execute();
        await nextTurn();
      }
    });
    const keyed = [...files].map(([hash, file]) => [keyOf(hash), file] as const);
    await this.#store.artifacts.add(keyed, onAdded);
  }

  /** Makes a dataset the user of what an import uses. */
  async adopt(transaction: Transaction<Tables>, importing: string, dataset: string): Promise<void> {
    await handOver(transaction, importing, { user: dataset, importedAt: null });
  }

  /**
   * Ends all use by a dataset.
   * @returns what is to be released once the transaction is over, and will be in time if it isn't
   */
  async leave(transaction: Transaction<Tables>, dataset: string): Promise<string> {
    const leaving = randomUUID();
    await handOver(transaction, dataset, { user: leaving, importedAt: new Date().toISOString() });
    return leaving;
  }

  /** Ends all use by an import, and removes the pictures that nobody uses then. */
  async release(importing: string): Promise<void> {
    while (await this.#releaseSome(importing));
  }

  /** Releases what imports used that a crash broke off, and removes files that were never finished. */
  async clean(): Promise<void> {
    const { query } = this.#store.database;
    const since = new Date(Date.now() - abandonedAfter).toISOString();
    const lost = await query
      .selectFrom('pictureUse')
      .select('user')
      .distinct()
      .where('importedAt', '<', since)
      .execute();
    for (const { user } of lost) await this.release(user);
    const used = await query.selectFrom('pictureUse').select('hash').distinct().execute();
    const hashes = new Set(used.map(({ hash }) => keyOf(hash)));
    await removeUnknown(this.#store.artifacts, 'pictures', (key) => hashes.has(key));
  }

  /** @returns false where there was nothing left */
  #releaseSome(importing: string): Promise<boolean> {
    return this.#exclusively(async (transaction) => {
      const hashes = await someUsedBy(transaction, importing, removedAtOnce);
      if (hashes.length === 0) return false;
      const others = await transaction
        .selectFrom('pictureUse')
        .select('hash')
        .distinct()
        .where('hash', 'in', hashes)
        .where('user', '!=', importing)
        .execute();
      const needed = new Set(others.map(({ hash }) => hash));
      await this.#store.artifacts.remove(hashes.filter((hash) => !needed.has(hash)).map(keyOf));
      await transaction
        .deleteFrom('pictureUse')
        .where('user', '=', importing)
        .where('hash', 'in', hashes)
        .execute();
      return true;
    });
  }

  #exclusively<Result>(work: (transaction: Transaction<Tables>) => Promise<Result>): Promise<Result> {
    return this.#store.database.exclusively('pictures', work);
  }
}

/** Gives all that somebody uses to another, so many rows at a time that predictions come between. */
async function handOver(
  transaction: Transaction<Tables>,
  from: string,
  to: { user: string; importedAt: string | null },
): Promise<void> {
  for (;;) {
    const hashes = await someUsedBy(transaction, from, writtenAtOnce);
    if (hashes.length === 0) return;
    await transaction
      .updateTable('pictureUse')
      .set(to)
      .where('user', '=', from)
      .where('hash', 'in', hashes)
      .execute();
    await nextTurn();
  }
}

/** Hashes of pictures that somebody uses, so many of them at most. */
async function someUsedBy(transaction: Transaction<Tables>, user: string, most: number): Promise<string[]> {
  const uses = await transaction
    .selectFrom('pictureUse')
    .select('hash')
    .where('user', '=', user)
    .limit(most)
    .execute();
  return uses.map(({ hash }) => hash);
}

function keyOf(hash: string): string {
  return `pictures/${hash.slice(0, 2)}/${hash}`;
}
