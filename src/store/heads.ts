import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { aliasPattern, type HeadRecord, readRecord, withAlias, writeRecord } from './aliases.ts';
import { syncToDisk, writeFolder } from './durable.ts';
import { foldersIn, HeadIndex, type HeadVersion, type KnownHead } from './head-index.ts';

/** What a head may be called: it is a folder's name, and part of an address. */
export const headNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

const nothing: KnownHead = { versions: [], aliases: {} };

/**
 * Registered heads: immutable folders `<root>/<name>/<version>`. Several roots lie over one another: the first is
 * written to, the others (the heads that ship with the program) are only read.
 * @example
 * const heads = new HeadRegistry('data/heads', ['models/heads']);
 * const { folder } = await heads.resolve('emoji@latest');
 */
export class HeadRegistry {
  readonly #root: string;
  readonly #roots: readonly string[];
  readonly #index: HeadIndex;

  constructor(root: string, shipped: readonly string[] = []) {
    this.#root = root;
    this.#roots = [root, ...shipped];
    this.#index = new HeadIndex(this.#roots);
  }

  /** Every version of every head, by name and then by version. */
  async list(): Promise<HeadVersion[]> {
    const names = new Set(
      (await Promise.all(this.#roots.map(foldersIn))).flat().filter((name) => headNamePattern.test(name)),
    );
    const heads = await Promise.all([...names].sort().map((name) => this.#index.read(name)));
    return heads.flatMap(({ versions }) => versions);
  }

  /** The latest version of every head. */
  async latest(): Promise<HeadVersion[]> {
    const byName = new Map((await this.list()).map((head) => [head.name, head]));
    return [...byName.values()];
  }

  /**
   * The version that a reference means: `name`, `name@latest`, `name@3`, or `name@production` where that is an alias.
   * @throws TandemError `unknown-head`, naming the heads there are
   */
  async resolve(reference: string): Promise<HeadVersion> {
    const [name, version = 'latest'] = reference.split('@', 2);
    const { versions, aliases } = headNamePattern.test(name) ? await this.#index.read(name) : nothing;
    if (versions.length > 0) {
      if (version === 'latest') return versions.at(-1)!;
      const meant = String(aliases[version]?.[0] ?? version);
      const found = versions.find((head) => String(head.version) === meant);
      if (found) return found;
      const known = [...versions.map((head) => head.version), ...Object.keys(aliases)].join(', ');
      throw new TandemError('unknown-head', `${name} has no version ${version}; it has ${known}`);
    }
    const names = (await this.latest()).map((head) => head.name).join(', ') || 'none';
    throw new TandemError('unknown-head', `no head is named ${JSON.stringify(name)}; there are: ${names}`);
  }

  /** The version that each alias of a head stands for now. */
  async aliases(name: string): Promise<Record<string, number>> {
    const { aliases } = await this.#index.read(name);
    return Object.fromEntries(Object.entries(aliases).map(([alias, [version]]) => [alias, version]));
  }

  /**
   * Lets an alias stand for a version from now on, in one step: a request gets the one or the other.
   * @throws TandemError `unknown-head`, `invalid-request` (the alias's name)
   * @example await registry.setAlias('pets', 'production', 3);
   */
  async setAlias(name: string, alias: string, version: number): Promise<void> {
    if (!aliasPattern.test(alias))
      throw new TandemError(
        'invalid-request',
        `${JSON.stringify(alias)} is no name for an alias: begin with a letter, use up to 64 of a-z 0-9 . _ -, not latest`,
      );
    await this.resolve(`${name}@${version}`);
    await this.#change(name, (record) => withAlias(record, alias, version));
  }

  /**
   * Puts an alias back on the version that it stood for before, if that is still there.
   * @returns that version
   * @throws TandemError `unknown-head`
   */
  async rollback(name: string, alias: string): Promise<number> {
    await this.resolve(`${name}@${alias}`);
    const { versions, aliases } = await this.#index.read(name);
    const there = new Set(versions.map(({ version }) => version));
    const before = aliases[alias]?.slice(1).filter((version) => there.has(version)) ?? [];
    if (before.length === 0)
      throw new TandemError('unknown-head', `${name}@${alias} never stood for another version that is there`);
    await this.#change(name, (record) => ({ ...record, aliases: { ...record.aliases, [alias]: before } }));
    return before[0];
  }

  /**
   * Deletes a version. Its number is never given again.
   * @throws TandemError `unknown-head`; `head-in-use` where an alias stands for it, or it ships with the program
   */
  async delete(name: string, version: number): Promise<void> {
    const { folder } = await this.resolve(`${name}@${version}`);
    const pointing = Object.entries(await this.aliases(name)).filter(([, meant]) => meant === version);
    if (pointing.length > 0)
      throw new TandemError(
        'head-in-use',
        `${name}@${version} is ${pointing.map(([alias]) => `${name}@${alias}`).join(' and ')}`,
      );
    if (path.dirname(folder) !== this.#folderOf(name))
      throw new TandemError('head-in-use', `${name}@${version} ships with the program`);
    await this.#change(name, (record) => ({ ...record, deleted: [...record.deleted, version] }));
    const gone = path.join(path.dirname(folder), `.${version}.deleted`);
    await rename(folder, gone);
    await syncToDisk(path.dirname(folder));
    await rm(gone, { recursive: true, force: true });
  }

  /**
   * Registers a head's next version: `write` fills a temporary folder, which becomes the version in one step once
   * every file in it is on the disk. A crash before leaves nothing that would be served. Called again with the next
   * number where another process took the first.
   */
  async register(
    name: string,
    write: (folder: string, version: number) => Promise<void>,
  ): Promise<HeadVersion> {
    if (!headNamePattern.test(name))
      throw new TandemError(
        'invalid-request',
        `${JSON.stringify(name)} is no name for a head: use up to 64 of a-z 0-9 . _ -`,
      );
    const parent = this.#folderOf(name);
    while (true) {
      const { deleted } = await readRecord(this.#folderOf(name));
      const version =
        Math.max(0, ...deleted, (await this.#index.read(name)).versions.at(-1)?.version ?? 0) + 1;
      const folder = path.join(parent, String(version));
      try {
        await writeFolder(folder, (temporary) => write(temporary, version));
        return { name, version, folder };
      } catch (error) {
        // Somebody else registered a version under this number meanwhile: take the next.
        if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    }
  }

  #folderOf(name: string): string {
    return path.join(this.#root, name);
  }

  async #change(name: string, change: (record: HeadRecord) => HeadRecord): Promise<void> {
    const folder = this.#folderOf(name);
    await writeRecord(folder, change(await readRecord(folder)));
  }
}
