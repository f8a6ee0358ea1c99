import { hash, randomBytes, randomUUID } from 'node:crypto';
import { TandemError } from '../errors.ts';
import { product } from '../product.ts';
import type { Database } from './database/database.ts';
import { Remembered } from './database/remembered.ts';

/** What a key may do: `predict` asks heads, `train` keeps datasets and fine-tunes as well, `admin` may do everything. */
export const scopes = ['predict', 'train', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** A key as people see it: without its secret. */
export interface ApiKey {
  id: string;
  name: string;
  scope: Scope;
  /** ISO 8601 in UTC. */
  createdAt: string;
}

/** What a key may be called: it is shown in terminals and logs. */
const keyNamePattern = /^[^\p{Control}\p{Bidi_Control}\p{Zl}\p{Zp}]{1,100}$/u;

interface KnownKeys {
  byHash: Map<string, { scope: Scope; name: string }>;
  /** Whether a key was ever made, even if all are revoked by now. */
  wereMade: boolean;
}

/**
 * The API keys. Of a secret only its sha256 is kept: it has 256 random bits, so a slow hash would protect nothing. A
 * change by another process, as by the command line beside a running server, counts from the next request on (on
 * Postgres: half a second later).
 * @example
 * const keys = new ApiKeys(database);
 * const { secret } = await keys.create('shop', 'predict');
 * await keys.find(secret); // 'predict'
 */
export class ApiKeys {
  readonly #database: Database;
  readonly #known: Remembered<KnownKeys>;

  constructor(database: Database) {
    this.#database = database;
    this.#known = new Remembered(database, () => this.#read());
  }

  /**
   * @returns the key and its secret, which is shown now and kept nowhere
   * @throws TandemError `invalid-configuration` where the name is empty, too long or has control characters, or another key has it
   */
  async create(name: string, scope: Scope): Promise<ApiKey & { secret: string }> {
    if (name.trim() === '')
      throw new TandemError('invalid-configuration', 'the name is empty; say who uses the key');
    if (!keyNamePattern.test(name))
      throw new TandemError(
        'invalid-configuration',
        `${JSON.stringify(name.slice(0, 100))} is no name for a key: use up to 100 characters, and no control characters`,
      );
    const secret = `${product.command}_${randomBytes(32).toString('base64url')}`;
    const key = { id: randomUUID(), name, scope, createdAt: new Date().toISOString() };
    await this.#database.exclusively('keys', async (transaction) => {
      const other = await transaction
        .selectFrom('apiKey')
        .select('id')
        .where('name', '=', name)
        .where('revokedAt', 'is', null)
        .executeTakeFirst();
      if (other)
        throw new TandemError(
          'invalid-configuration',
          `a key is named ${JSON.stringify(name)} already, with the id ${other.id}; choose another name, or revoke that key first`,
        );
      await transaction
        .insertInto('apiKey')
        .values({ ...key, hash: hashOfSecret(secret), revokedAt: null })
        .execute();
    });
    return { ...key, secret };
  }

  /** Those that are not revoked, the oldest first. */
  async list(): Promise<ApiKey[]> {
    const rows = await this.#database.query
      .selectFrom('apiKey')
      .select(['id', 'name', 'scope', 'createdAt'])
      .where('revokedAt', 'is', null)
      .orderBy('createdAt')
      .execute();
    return rows.map((row) => ({ ...row, scope: row.scope as Scope }));
  }

  /** @throws TandemError `unknown-key` */
  revoke(id: string): Promise<ApiKey> {
    return this.#database.exclusively('keys', async (transaction) => {
      const found = await transaction
        .updateTable('apiKey')
        .set({ revokedAt: new Date().toISOString() })
        .where('id', '=', id)
        .where('revokedAt', 'is', null)
        .returning(['id', 'name', 'scope', 'createdAt'])
        .executeTakeFirst();
      if (!found) throw new TandemError('unknown-key', `no key has the id ${JSON.stringify(id)}`);
      return { ...found, scope: found.scope as Scope };
    });
  }

  /** What the key that a secret belongs to may do. */
  async find(secret: string): Promise<Scope | undefined> {
    return (await this.#known.get('all')).byHash.get(hashOfSecret(secret))?.scope;
  }

  /** The name of the key that a secret belongs to. */
  async nameOf(secret: string): Promise<string | undefined> {
    return (await this.#known.get('all')).byHash.get(hashOfSecret(secret))?.name;
  }

  /** True where there is at least one key. */
  async any(): Promise<boolean> {
    return (await this.#known.get('all')).byHash.size > 0;
  }

  /** True once a key was made, even if all are revoked by now. */
  async wereMade(): Promise<boolean> {
    return (await this.#known.get('all')).wereMade;
  }

  async #read(): Promise<KnownKeys> {
    const rows = await this.#database.query
      .selectFrom('apiKey')
      .select(['hash', 'name', 'scope', 'revokedAt'])
      .execute();
    const valid = rows.filter(({ revokedAt }) => revokedAt === null);
    const byHash = new Map(valid.map(({ hash, name, scope }) => [hash, { name, scope: scope as Scope }]));
    return { byHash, wereMade: rows.length > 0 };
  }
}

/** What is kept of a secret: its sha256. */
export function hashOfSecret(secret: string): string {
  return hash('sha256', secret);
}
