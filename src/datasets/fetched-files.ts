import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import pLimit from 'p-limit';
import { TandemError } from '../errors.ts';
import { openRemote, type RemoteOptions } from '../remote/open-remote.ts';
import { temporaryName } from '../store/files/durable.ts';
import { exists } from '../store/files/exists.ts';

/** Downloads that are under way at a time. */
const downloadsAtOnce = 8;

/**
 * Files of the internet, each downloaded once into a folder, by its address, and found there ever after. What fails is
 * tried again by the next process.
 * @example
 * const files = new FetchedFiles('data/fetched', { maximumBytes: 64e6, timeout: 60_000 });
 * await files.find('https://example.org/cat.jpg'); // { path: 'data/fetched/5c/5c0f…' }
 */
export class FetchedFiles {
  readonly #folder: string;
  readonly #options: RemoteOptions;
  readonly #limit = pLimit(downloadsAtOnce);
  readonly #found = new Map<string, Promise<{ path: string } | { problem: string }>>();

  /** @param options of each download; what may be connected to is decided as in {@link openRemote} */
  constructor(folder: string, options: RemoteOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** @returns where the file lies, or in words why it cannot be had */
  find(address: string): Promise<{ path: string } | { problem: string }> {
    const known = this.#found.get(address);
    if (known) return known;
    const finding = this.#limit(() => this.#find(address));
    this.#found.set(address, finding);
    return finding;
  }

  async #find(address: string): Promise<{ path: string } | { problem: string }> {
    const hash = createHash('sha256').update(address).digest('hex');
    const file = path.resolve(this.#folder, hash.slice(0, 2), hash);
    if (await exists(file)) return { path: file };
    try {
      const { body } = await openRemote(address, this.#options);
      await mkdir(path.dirname(file), { recursive: true });
      await writeWhole(file, body);
      return { path: file };
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
      return { problem: error.message };
    }
  }
}

/** The file gets its name when all of it is there. */
async function writeWhole(file: string, body: NodeJS.ReadableStream): Promise<void> {
  const part = temporaryName(file);
  try {
    await pipeline(body, createWriteStream(part, { flags: 'wx' }));
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
