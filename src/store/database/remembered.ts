import { LRUCache } from 'lru-cache';
import { withTimeLimit } from '../../cancellation.ts';
import { TandemError } from '../../errors.ts';
import { storageError } from '../storage-error.ts';
import type { Database } from './database.ts';

const mostRemembered = 10_000;
/** Milliseconds that a caller waits for what was read before to be read again. */
const refreshPatience = 1000;
/** The same where nothing is known yet. */
const firstPatience = 5000;
/** Milliseconds for which nobody waits, once a database has kept somebody waiting. */
const lateFor = 5000;

/** Until when each database counts as late, in milliseconds of `performance.now()`. */
const lateUntil = new WeakMap<Database, number>();

/**
 * What was read of a database, read again only where it may have changed since. While the database is away or does not
 * answer within a second, what was read last goes on counting, and is read again behind the answer.
 * @example
 * const scopes = new Remembered(database, (id) => readScope(id));
 * await scopes.get('5b0e1d3e');
 */
export class Remembered<Value extends object> {
  readonly #database: Database;
  readonly #read: (key: string) => Promise<Value>;
  readonly #known = new LRUCache<string, { mark: string; value: Value; number: number }>({
    max: mostRemembered,
  });
  readonly #underWay = new Map<string, { mark: string; value: Promise<Value> }>();
  /** How many readings have begun. */
  #begun = 0;

  constructor(database: Database, read: (key: string) => Promise<Value>) {
    this.#database = database;
    this.#read = read;
  }

  /** @throws TandemError `storage-unavailable` where nothing is known of the key and the database does not answer */
  async get(key: string): Promise<Value> {
    const mark = this.#database.mark();
    const known = this.#known.get(key);
    if (known?.mark === mark) return known.value;
    const underWay = this.#underWay.get(key);
    return this.#orKnown(key, underWay?.mark === mark ? underWay.value : this.#begin(key));
  }

  /** For when what was remembered lacks something that another process may have added just now. */
  readAgain(key: string): Promise<Value> {
    return this.#orKnown(key, this.#begin(key));
  }

  /** What a reading brings; what is known already where it fails or takes long. */
  async #orKnown(key: string, reading: Promise<Value>): Promise<Value> {
    const known = this.#known.get(key);
    try {
      if (known && this.#isLate) return known.value;
      return await this.#within(known ? refreshPatience : firstPatience, reading);
    } catch (error) {
      if (known && storageError(error)) return known.value;
      throw error;
    }
  }

  get #isLate(): boolean {
    return performance.now() < (lateUntil.get(this.#database) ?? 0);
  }

  #begin(key: string): Promise<Value> {
    const underWay = this.#underWay.get(key);
    // Another connection would wait as long.
    if (underWay && this.#isLate) return underWay.value;
    const mark = this.#database.mark();
    const number = ++this.#begun;
    const reading = { mark, value: this.#read(key) };
    this.#underWay.set(key, reading);
    const end = () => {
      if (this.#underWay.get(key) === reading) this.#underWay.delete(key);
    };
    // Where it fails, its waiters are told, and the next one reads again.
    reading.value.then((value) => {
      end();
      lateUntil.delete(this.#database);
      if (number > (this.#known.get(key)?.number ?? 0)) this.#known.set(key, { mark, value, number });
    }, end);
    return reading.value;
  }

  #within(patience: number, reading: Promise<Value>): Promise<Value> {
    const late = () => {
      lateUntil.set(this.#database, performance.now() + lateFor);
      const detail = `the database does not answer: it was asked ${patience / 1000} s ago`;
      return new TandemError('storage-unavailable', detail, { retryAfter: 5 });
    };
    return withTimeLimit({ milliseconds: patience, late }, () => reading);
  }
}
