import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { TandemError } from '../errors.ts';
import { writeFolder } from './durable.ts';

export interface HeadVersion {
  name: string;
  version: number;
  folder: string;
}

/** What a head may be called: it is a folder's name, and part of an address. */
export const headNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;

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

  constructor(root: string, shipped: readonly string[] = []) {
    this.#root = root;
    this.#roots = [root, ...shipped];
  }

  /** Every version of every head, by name and then by version. */
  async list(): Promise<HeadVersion[]> {
    const names = new Set(
      (await Promise.all(this.#roots.map(foldersIn))).flat().filter((name) => headNamePattern.test(name)),
    );
    const versions = await Promise.all([...names].sort().map((name) => this.#versions(name)));
    return versions.flat();
  }

  /** The latest version of every head. */
  async latest(): Promise<HeadVersion[]> {
    const byName = new Map((await this.list()).map((head) => [head.name, head]));
    return [...byName.values()];
  }

  /**
   * The version that a reference means: `name`, `name@latest` or `name@3`.
   * @throws TandemError `unknown-head`, naming the heads there are
   */
  async resolve(reference: string): Promise<HeadVersion> {
    const [name, version = 'latest'] = reference.split('@', 2);
    const versions = headNamePattern.test(name) ? await this.#versions(name) : [];
    const found =
      version === 'latest' ? versions.at(-1) : versions.find((head) => String(head.version) === version);
    if (found) return found;
    if (versions.length > 0) {
      const known = versions.map((head) => head.version).join(', ');
      throw new TandemError('unknown-head', `${name} has no version ${version}; it has ${known}`);
    }
    const names = (await this.latest()).map((head) => head.name).join(', ') || 'none';
    throw new TandemError('unknown-head', `no head is named ${JSON.stringify(name)}; there are: ${names}`);
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
    const parent = path.join(this.#root, name);
    while (true) {
      const version = ((await this.#versions(name)).at(-1)?.version ?? 0) + 1;
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

  async #versions(name: string): Promise<HeadVersion[]> {
    const found = new Map<number, HeadVersion>();
    for (const root of [...this.#roots].reverse())
      for (const entry of await foldersIn(path.join(root, name)))
        if (/^[1-9]\d*$/.test(entry))
          found.set(Number(entry), { name, version: Number(entry), folder: path.join(root, name, entry) });
    return [...found.values()].sort((a, b) => a.version - b.version);
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
