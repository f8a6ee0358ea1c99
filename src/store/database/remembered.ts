import { LRUCache } from 'lru-cache';
import { storageError } from '../storage-error.ts';
import type { Database } from './database.ts';

const mostRemembered = 10_000;

/**
 * What was read of a database, read again only where it may have changed since. While the database is away, what was
 * read last goes on counting.
 * @example
 * const scopes = new Remembered(database, (id) => readScope(id));
 * await scopes.get('5b0e1d3e');
 */
export class Remembered<Value extends object> {
  readonly #database: Database;
  readonly #read: (key: string) => Promise<Value>;
  readonly #known = new LRUCache<string, { mark: string; value: Value }>({ max: mostRemembered });

  constructor(database: Database, read: (key: string) => Promise<Value>) {
    this.#database = database;
    this.#read = read;
  }

  async get(key: string): Promise<Value> {
    const mark = this.#database.mark();
    const known = this.#known.get(key);
    return known?.mark === mark ? known.value : this.readAgain(key);
  }

  /** For when what was remembered lacks something that another process may have added just now. */
  async readAgain(key: string): Promise<Value> {
    const mark = this.#database.mark();
    try {
      const value = await this.#read(key);
      this.#known.set(key, { mark, value });
      return value;
    } catch (error) {
      const known = this.#known.get(key);
      if (known && storageError(error)) return known.value;
      throw error;
    }
  }
}
