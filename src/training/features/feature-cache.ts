import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';

/** Primary result codes of SQLite (https://sqlite.org/rescode.html). */
const corrupt = [11, 26];
const unwritable = [5, 6, 8, 10, 13, 14, 23];

/**
 * Features by the sha256 of what they were made of, for one encoder: whatever was encoded once is never encoded again,
 * by whichever job. It is one SQLite file, so that several processes share it and a kill at any moment loses the last
 * batch at most. Every row carries a checksum; one that does not fit is as good as absent, and a file that is damaged
 * as a whole is thrown away and begun anew. A disk that is full or read-only only costs the reuse.
 * @example
 * const cache = await FeatureCache.open('data/features', encoder.cacheKey, encoder.dimension);
 * const known = cache.get(keys);
 * cache.put([[key, features]]);
 * cache.close();
 */
export class FeatureCache {
  readonly #file: string;
  readonly #dimension: number;
  #database: DatabaseSync | undefined;
  #read: StatementSync | undefined;
  #write: StatementSync | undefined;

  private constructor(file: string, dimension: number) {
    this.#file = file;
    this.#dimension = dimension;
  }

  /** @param folder made where it is missing; each encoder gets a file of its own in it */
  static async open(folder: string, cacheKey: string, dimension: number): Promise<FeatureCache> {
    await mkdir(folder, { recursive: true }).catch(() => {});
    const cache = new FeatureCache(path.join(folder, `${cacheKey}.sqlite`), dimension);
    await cache.#attempt(() => cache.#connect());
    return cache;
  }

  /** The features that are known and whole, in any order. */
  async get(keys: Iterable<string>): Promise<Map<string, Float32Array>> {
    const found = new Map<string, Float32Array>();
    await this.#attempt(() => {
      for (const key of keys) {
        const row = this.#read?.get(Buffer.from(key, 'hex'));
        const features = row && decode(row.value as Uint8Array, row.checksum as number, this.#dimension);
        if (features) found.set(key, features);
      }
    });
    return found;
  }

  /** Keeps features; what is there already under a key is replaced. */
  async put(entries: readonly (readonly [key: string, features: Float32Array])[]): Promise<void> {
    await this.#attempt(() => {
      this.#database?.exec('BEGIN IMMEDIATE');
      for (const [key, features] of entries) {
        const value = Buffer.from(features.buffer, features.byteOffset, features.byteLength);
        this.#write?.run(Buffer.from(key, 'hex'), value, crc32(value));
      }
      this.#database?.exec('COMMIT');
    });
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
    this.#read = this.#write = undefined;
  }

  #connect(): void {
    this.#database = new DatabaseSync(this.#file, { timeout: 10_000 });
    // NORMAL never damages the file; after a power cut the last batches may be missing, which only costs their time.
    this.#database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;' +
        'CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL)',
    );
    this.#read = this.#database.prepare('SELECT value, checksum FROM features WHERE key = ?');
    this.#write = this.#database.prepare('INSERT OR REPLACE INTO features VALUES (?, ?, ?)');
  }

  async #attempt(work: () => void): Promise<void> {
    try {
      work();
    } catch (error) {
      const code = Number((error as { errcode?: number }).errcode) & 0xff;
      if (![...corrupt, ...unwritable].includes(code)) throw error;
      try {
        this.close();
      } catch {
        // What is damaged may fail to close, too.
        this.#database = this.#read = this.#write = undefined;
      }
      if (!corrupt.includes(code)) return;
      for (const suffix of ['', '-wal', '-shm']) await rm(this.#file + suffix, { force: true });
      this.#connect();
    }
  }
}

function decode(value: Uint8Array, checksum: number, dimension: number): Float32Array | undefined {
  if (value.byteLength !== dimension * 4 || crc32(value) !== checksum) return undefined;
  // A copy, because a view on floats must begin at a multiple of four.
  return new Float32Array(value.slice().buffer);
}
