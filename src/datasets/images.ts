import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Transaction } from 'kysely';
import { valueFor } from '../indexing.ts';
import { leaveToCleaning, removeUnknown } from '../store/artifacts/artifacts.ts';
import { PendingArtifacts } from '../store/artifacts/pending.ts';
import type { Tables } from '../store/database/database.ts';
import { abandonedAfter } from '../store/files/durable.ts';
import type { Store } from '../store/store.ts';

/** Uses that one transaction writes, reads or removes. */
const usesAtOnce = 1000;
/** Where the files of images lie; those of earlier releases are still among the second. */
const prefixes = ['images', 'pictures'] as const;

/**
 * Images by the sha256 of their bytes, so that the same image is stored once, however many imports bring it. An image stays as long as
 * it has users: datasets, and imports that are under way. A use is written before the file, and says under which key that
 * lies; once the last use is gone, the key is never given again. So a file without a use can be removed at any time.
 * @example
 * const images = new ImageStore(store);
 * await images.add('my-import', new Map([[hash, 'uploads/7f/cat.jpg']]));
 * const keys = await images.keys('my-import', [hash]);
 * const file = await store.artifacts.path(keys.get(hash)!);
 */
export class ImageStore {
  readonly #store: Store;
  readonly #pending: PendingArtifacts;

  constructor(store: Store) {
    this.#store = store;
    this.#pending = new PendingArtifacts(store.database);
  }

  /** Where the images of a user lie among the artifacts, by their sha256. */
  async keys(user: string, hashes: readonly string[]): Promise<Map<string, string>> {
    const keys = new Map<string, string>();
    for (const some of portions(hashes)) {
      const uses = await this.#store.database.query
        .selectFrom('imageUse')
        .select(['hash', 'key'])
        .where('user', '=', user)
        .where('hash', 'in', some)
        .execute();
      for (const use of uses) keys.set(use.hash, use.key);
    }
    return keys;
  }

  /**
   * Keeps copies of files for an import, until it releases them or becomes a dataset's.
   * @param importing of no import before
   * @param files by the sha256 of their bytes, hexadecimal
   */
  async add(
    importing: string,
    files: ReadonlyMap<string, string>,
    onAdded?: (done: number) => void,
  ): Promise<void> {
    const importedAt = new Date().toISOString();
    const generation = randomBytes(6).toString('hex');
    for (const hashes of portions([...files.keys()]))
      await this.#exclusively(async (transaction) => {
        const uses = await transaction
          .selectFrom('imageUse')
          .select(['hash', 'key'])
          .distinct()
          .where('hash', 'in', hashes)
          .execute();
        const known = new Map(uses.map(({ hash, key }) => [hash, key]));
        const rows = hashes.map((hash) => {
          const key = known.get(hash) ?? newKey(hash, generation);
          return { user: importing, hash, importedAt, key };
        });
        await transaction.insertInto('imageUse').values(rows).execute();
      });
    await this.repair(importing, files, onAdded);
  }

  /**
   * Adds the files that are missing of what a user has.
   * @param files by the sha256 of their bytes
   * @param onAdded counts the files, those included that were there
   */
  async repair(
    user: string,
    files: ReadonlyMap<string, string>,
    onAdded?: (done: number) => void,
  ): Promise<void> {
    const keys = await this.keys(user, [...files.keys()]);
    const keyed = [...keys].map(([hash, key]) => [key, valueFor(files, hash)] as const);
    await this.#store.artifacts.add(keyed, onAdded);
  }

  /**
   * Ends all use by somebody who is neither a dataset nor about to become one, and removes the images that nobody uses
   * then. An import that is under way is given up.
   */
  async release(user: string): Promise<void> {
    // It waits for a registration whose answer was lost: then this is a dataset's.
    await this.#pending.giveUp(user);
    if ((await this.#ofDatasets([user])).has(user)) return;
    for (;;) {
      const unused = await this.#releaseSome(user);
      if (!unused) return;
      await leaveToCleaning(this.#store.artifacts.remove(unused));
    }
  }

  /** Releases what imports and deletions used that a crash broke off, and removes files that nobody uses. */
  async clean(): Promise<void> {
    const { query } = this.#store.database;
    const since = new Date(Date.now() - abandonedAfter).toISOString();
    const users = await query
      .selectFrom('imageUse')
      .select('user')
      .distinct()
      .where(({ eb, or }) => or([eb('importedAt', 'is', null), eb('importedAt', '<', since)]))
      .execute();
    for (const some of portions(users.map(({ user }) => user))) {
      const underWay = await this.#pending.among(some);
      const needed = (await this.#ofDatasets(some)).union(new Set(underWay));
      for (const user of some) if (!needed.has(user)) await this.release(user);
    }
    for (const prefix of prefixes)
      await removeUnknown(this.#store.artifacts, prefix, async (keys) => {
        const hashes = [...new Set(keys.map(hashOf))];
        const uses = await query
          .selectFrom('imageUse')
          .select('key')
          .distinct()
          .where('hash', 'in', hashes)
          .execute();
        return new Set(uses.map(({ key }) => key));
      });
  }

  /** Those of some users that are datasets. */
  async #ofDatasets(users: readonly string[]): Promise<Set<string>> {
    const rows = await this.#store.database.query
      .selectFrom('dataset')
      .select(['id', 'imageUser'])
      .where(({ eb, or }) => or([eb('imageUser', 'in', users), eb('id', 'in', users)]))
      .execute();
    return new Set(rows.map(imageUserOf));
  }

  /** @returns keys of images that nobody uses any more; undefined where there was nothing left to release */
  #releaseSome(user: string): Promise<string[] | undefined> {
    return this.#exclusively(async (transaction) => {
      const uses = await transaction
        .selectFrom('imageUse')
        .select(['hash', 'key'])
        .where('user', '=', user)
        .limit(usesAtOnce)
        .execute();
      if (uses.length === 0) return undefined;
      const hashes = uses.map(({ hash }) => hash);
      await transaction.deleteFrom('imageUse').where('user', '=', user).where('hash', 'in', hashes).execute();
      const others = await transaction
        .selectFrom('imageUse')
        .select(['hash', 'key'])
        .distinct()
        .where('hash', 'in', hashes)
        .execute();
      const needed = new Set(others.map(({ key }) => key));
      return uses.map(({ key }) => key).filter((key) => !needed.has(key));
    });
  }

  /** Files are neither read nor written meanwhile: nobody waits for an object store. */
  #exclusively<Result>(work: (transaction: Transaction<Tables>) => Promise<Result>): Promise<Result> {
    return this.#store.database.exclusively('images', work);
  }
}

/** Who uses the images of a dataset: the import that brought it; the dataset itself where an earlier release did. */
export function imageUserOf({ id, imageUser }: Pick<Tables['dataset'], 'id' | 'imageUser'>): string {
  return imageUser ?? id;
}

/** @param generation that no key had before */
function newKey(hash: string, generation: string): string {
  return `images/${hash.slice(0, 2)}-${generation}/${hash}`;
}

/** The sha256 in the key of an image. */
function hashOf(key: string): string {
  return path.posix.basename(key);
}

function* portions<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let first = 0; first < items.length; first += usesAtOnce) yield items.slice(first, first + usesAtOnce);
}
