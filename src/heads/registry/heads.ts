import path from 'node:path';
import type { Transaction } from 'kysely';
import { TandemError } from '../../errors.ts';
import { leaveToCleaning, removeUnknown } from '../../store/artifacts/artifacts.ts';
import { PendingArtifacts } from '../../store/artifacts/pending.ts';
import type { Tables } from '../../store/database/database.ts';
import type { Page } from '../../store/database/page.ts';
import { Remembered } from '../../store/database/remembered.ts';
import type { Store } from '../../store/store.ts';
import type { Acceptance } from './acceptance.ts';
import { aliasHistory, aliasPattern, forgetAlias, writeAliasHistory } from './aliases.ts';
import { checkHeadName, parseReference } from './head-name.ts';
import {
  findVersion,
  type HeadEntry,
  type HeadVersion,
  type KnownHead,
  type RegisteredHead,
  readHead,
} from './head-reading.ts';
import { listNames } from './list-names.ts';
import { type RegisterOptions, registerVersion } from './register-version.ts';
import { readShippedHeads, type ShippedHead } from './shipped-heads.ts';
import { VersionFolders } from './version-folders.ts';

/** A version whose row alone is there, so that its number is never given again and its job makes no second one. */
export interface DeletedVersion {
  name: string;
  version: number;
  isDeleted: true;
}

/**
 * Registered heads: versions that never change, and aliases that stand for them. Heads that ship with the program lie
 * under those that were made here.
 * @example
 * const heads = new HeadRegistry(store, 'models/heads');
 * const { folder } = await heads.open('emoji@latest');
 */
export class HeadRegistry {
  readonly #store: Store;
  readonly #pending: PendingArtifacts;
  readonly #known: Remembered<KnownHead>;
  readonly #shipped: () => Promise<ShippedHead[]>;
  readonly #folders: VersionFolders;

  /** @param shipped folder of the heads that ship with the program */
  constructor(store: Store, shipped?: string) {
    this.#store = store;
    this.#pending = new PendingArtifacts(store.database);
    this.#folders = new VersionFolders(store);
    this.#known = new Remembered(store.database, async (name) =>
      readHead(store.database.query, await this.#shipped(), name),
    );
    let heads: Promise<ShippedHead[]> | undefined;
    this.#shipped = () => (heads ??= shipped === undefined ? Promise.resolve([]) : readShippedHeads(shipped));
  }

  /** Every version of every head, by name and then by version. */
  async list(): Promise<RegisteredHead[]> {
    const { names } = await listNames(this.#store.database, await this.#shipped());
    const heads = await Promise.all(names.map((name) => this.#known.get(name)));
    return heads.flatMap(({ versions }) => versions);
  }

  /**
   * The latest version of some heads, by name, and how many heads there are.
   * @param page all of them where it is left out
   */
  async latest(page?: Page): Promise<{ heads: RegisteredHead[]; total: number }> {
    const { names, total } = await listNames(this.#store.database, await this.#shipped(), page);
    const heads = await Promise.all(names.map((name) => this.#known.get(name)));
    return { heads: heads.flatMap(({ versions }) => versions.slice(-1)), total };
  }

  /**
   * The version that a reference means: `name`, `name@latest`, `name@3`, or `name@production` where that is an alias.
   * @throws TandemError `unknown-head`, naming the heads there are
   */
  async resolve(reference: string): Promise<RegisteredHead> {
    return this.#resolve(reference);
  }

  /**
   * The same, with its files at hand.
   * @throws TandemError `unknown-head`, `damaged-artifact` where a file is missing
   */
  async open(reference: string): Promise<HeadVersion> {
    const entry = await this.#resolve(reference);
    const { name, version, manifest, origin, acceptance } = entry;
    const folder = await this.#folders.folderOf(entry);
    return {
      name,
      version,
      manifest,
      folder,
      origin,
      acceptance,
      ...('checksums' in entry && { checksums: entry.checksums }),
    };
  }

  /**
   * The versions of a head, in rising order.
   * @throws TandemError `invalid-request` (the name)
   */
  async versions(name: string): Promise<number[]> {
    checkHeadName(name);
    return (await this.#known.get(name)).versions.map(({ version }) => version);
  }

  /**
   * The version that each alias of a head stands for now.
   * @throws TandemError `invalid-request` (the name)
   */
  async aliases(name: string): Promise<Record<string, number>> {
    checkHeadName(name);
    return (await this.#known.get(name)).aliases;
  }

  /**
   * Lets an alias stand for a version from now on, in one step: a request gets the one or the other.
   * @throws TandemError `unknown-head`, `invalid-request` (the head's or the alias's name)
   */
  async setAlias(name: string, alias: string, version: number): Promise<void> {
    checkHeadName(name);
    if (!aliasPattern.test(alias))
      throw new TandemError(
        'invalid-request',
        `${JSON.stringify(alias)} is no name for an alias: use a letter, then up to 63 of a-z 0-9 . _ -, and not latest`,
      );
    await this.#resolve(`${name}@${version}`);
    await this.#change(async (transaction) => {
      const { versions } = await this.#readIn(transaction, name);
      if (!versions.some((head) => head.version === version))
        throw new TandemError('unknown-head', `${name}@${version} was deleted just now`);
      const before = await aliasHistory(transaction, name, alias);
      if (before[0] === version) return;
      await writeAliasHistory(transaction, name, alias, [version, ...before]);
    });
  }

  /**
   * Says which answers of a version are accepted, from the next request on; the version itself stays what it is.
   * @param acceptance null where nothing is to be decided
   * @throws TandemError `unknown-head`, `invalid-request` (the head's name)
   */
  async setAcceptance(name: string, version: number, acceptance: Acceptance | null): Promise<void> {
    checkHeadName(name);
    await this.#resolve(`${name}@${version}`);
    const text = JSON.stringify(acceptance);
    await this.#change((transaction) =>
      transaction
        .insertInto('headAcceptance')
        .values({ name, version, acceptance: text })
        .onConflict((conflict) => conflict.columns(['name', 'version']).doUpdateSet({ acceptance: text }))
        .execute(),
    );
  }

  /**
   * Puts an alias back on the version that it stood for before, passing over those that are deleted.
   * @returns that version
   * @throws TandemError `unknown-head`, `invalid-request` (the head's name)
   */
  async rollback(name: string, alias: string): Promise<number> {
    checkHeadName(name);
    await this.#resolve(name);
    return this.#change(async (transaction) => {
      const { versions } = await this.#readIn(transaction, name);
      const there = new Set(versions.map(({ version }) => version));
      const before = (await aliasHistory(transaction, name, alias))
        .slice(1)
        .filter((version) => there.has(version));
      const [restored] = before;
      if (restored === undefined)
        throw new TandemError(
          'unknown-head',
          `${name}@${alias} never stood for another version that is there`,
        );
      await writeAliasHistory(transaction, name, alias, before);
      return restored;
    });
  }

  /** Takes an alias away. @throws TandemError `unknown-head`, `invalid-request` (the head's name) */
  async deleteAlias(name: string, alias: string): Promise<void> {
    checkHeadName(name);
    await this.#resolve(name);
    const isGone = await this.#change((transaction) => forgetAlias(transaction, name, alias));
    if (!isGone) throw new TandemError('unknown-head', `${name} has no alias ${JSON.stringify(alias)}`);
  }

  /**
   * Deletes a version, and the files of the row that was changed. Its number is never given again.
   * @throws TandemError `unknown-head`; `head-in-use` where an alias stands for it, or it ships with the program;
   * `invalid-request` (the head's name)
   */
  async delete(name: string, version: number): Promise<void> {
    checkHeadName(name);
    await this.#resolve(`${name}@${version}`);
    const deleted = await this.#change(async (transaction) => {
      const { aliases, versions } = await this.#readIn(transaction, name);
      const pointing = Object.keys(aliases).filter((alias) => aliases[alias] === version);
      if (pointing.length > 0)
        throw new TandemError(
          'head-in-use',
          `${name}@${version} is ${pointing.map((alias) => `${name}@${alias}`).join(' and ')}`,
        );
      const entry = versions.find((head) => head.version === version);
      if (entry && 'folder' in entry)
        throw new TandemError('head-in-use', `${name}@${version} ships with the program`);
      const { numUpdatedRows } = await transaction
        .updateTable('headVersion')
        .set({ folder: null })
        .where('name', '=', name)
        .where('version', '=', version)
        .where('folder', 'is not', null)
        .executeTakeFirstOrThrow();
      return numUpdatedRows > 0n ? entry : undefined;
    });
    if (!deleted || !('key' in deleted))
      throw new TandemError('unknown-head', `${name}@${version} was deleted just now`);
    const files = Object.keys(deleted.checksums ?? {}).map((file) => `${deleted.key}/${file}`);
    await leaveToCleaning(this.#store.artifacts.remove(files));
  }

  /**
   * Registers a head's next version. `write` fills a folder; the version is there in one step once all of it lasts, and
   * a crash before leaves nothing that would be served. Called again with the next number where somebody else took the
   * first.
   * @param write puts the head's files into the folder, `head.json` among them
   * @throws TandemError `invalid-request` (the name); whatever the job throws
   */
  async register(
    name: string,
    write: (folder: string, version: number) => Promise<void>,
    options: RegisterOptions = {},
  ): Promise<HeadVersion> {
    checkHeadName(name);
    const shipped = (await this.#shipped()).filter((head) => head.name === name);
    const place = {
      store: this.#store,
      pending: this.#pending,
      highestShipped: Math.max(0, ...shipped.map(({ version }) => version)),
    };
    const version = await registerVersion(place, name, write, options);
    return this.open(`${name}@${version}`);
  }

  /** The version that a job has made, though it was deleted since. */
  async madeBy(job: string): Promise<HeadVersion | DeletedVersion | undefined> {
    const found = await this.#store.database.query
      .selectFrom('headVersion')
      .select(['name', 'version', 'folder'])
      .where('job', '=', job)
      .executeTakeFirst();
    if (!found) return undefined;
    const { name, version, folder } = found;
    return folder === null ? { name, version, isDeleted: true } : this.open(`${name}@${version}`);
  }

  /** Removes what registrations left that a crash broke off, once nobody can be at it any more. */
  async clean(): Promise<void> {
    await this.#pending.giveUpOld();
    await removeUnknown(this.#store.artifacts, 'heads', async (keys) => {
      const folders = [...new Set(keys.map((key) => path.posix.dirname(key)))];
      const underWay = await this.#pending.among(folders);
      const rows = await this.#store.database.query
        .selectFrom('headVersion')
        .select('folder')
        .where('folder', 'in', folders)
        .execute();
      const known = new Set([...underWay, ...rows.map(({ folder }) => folder)]);
      return new Set(keys.filter((key) => known.has(path.posix.dirname(key))));
    });
  }

  /**
   * Removes this machine's copies of versions that were deleted, by whichever server.
   * @returns the folders that they were opened in
   */
  dropDeleted(): Promise<string[]> {
    return this.#folders.dropDeleted();
  }

  async #resolve(reference: string): Promise<HeadEntry> {
    const parsed = parseReference(reference);
    if (!parsed) return this.#refuse(reference);
    const { name, version } = parsed;
    const found =
      findVersion(await this.#known.get(name), version) ??
      // Another server may have registered it a moment ago.
      findVersion(await this.#known.readAgain(name), version);
    return found ?? this.#refuse(name, version);
  }

  async #refuse(name: string, version?: string): Promise<never> {
    const { versions, aliases } = version ? await this.#known.get(name) : { versions: [], aliases: {} };
    if (versions.length > 0) {
      const known = [...versions.map((head) => head.version), ...Object.keys(aliases)].join(', ');
      throw new TandemError('unknown-head', `${name} has no version ${version}; it has ${known}`);
    }
    const { names: known } = await listNames(this.#store.database, await this.#shipped());
    const names = known.join(', ') || 'none';
    throw new TandemError('unknown-head', `no head is named ${JSON.stringify(name)}; there are: ${names}`);
  }

  async #readIn(transaction: Transaction<Tables>, name: string): Promise<KnownHead> {
    return readHead(transaction, await this.#shipped(), name);
  }

  #change<Result>(work: (transaction: Transaction<Tables>) => Promise<Result>): Promise<Result> {
    return this.#store.database.exclusively('heads', work);
  }
}
