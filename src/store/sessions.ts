import { randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { Database, Tables } from './database/database.ts';
import { Remembered } from './database/remembered.ts';
import { hashOfSecret, type Scope } from './keys.ts';

/** Milliseconds after which a session expires. */
export const sessionTime = 12 * 3_600_000;
/** Most sessions of one key: a new one ends the oldest. */
const mostOfOneKey = 20;

/** A browser that is signed in with a key. */
export interface Session {
  /** What its key may do. */
  scope: Scope;
  /** Its key's name. */
  key: string;
  /** sha256 of the key's secret. */
  keyHash: string;
  /** ISO 8601 in UTC. */
  expiresAt: string;
}

/**
 * Sessions of browsers, so that a key is typed once and no script of a page can read it. A session ends when it expires,
 * when it is signed out and when its key is revoked. Of its token only the sha256 is kept: it has 256 random bits. On
 * Postgres another server knows a change half a second later.
 * @example
 * const begun = await sessions.begin(secret); // undefined where no key has the secret
 * await sessions.find(begun.token); // { scope: 'train', key: 'shop', … }
 * await sessions.end(begun.token);
 */
export class Sessions {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #known: Remembered<Map<string, Session>>;

  /** @param now milliseconds since 1970 */
  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
    this.#known = new Remembered(database, () => this.#read());
  }

  /**
   * Signs a browser in.
   * @param secret of a key
   * @returns the session and its token, which is kept nowhere; undefined where the key is unknown or revoked
   */
  begin(secret: string): Promise<(Session & { token: string }) | undefined> {
    const token = randomBytes(32).toString('base64url');
    const now = this.#now();
    const expiresAt = new Date(now + sessionTime).toISOString();
    return this.#database.exclusively('sessions', async (transaction) => {
      const key = await transaction
        .selectFrom('apiKey')
        .select(['id', 'name', 'scope', 'hash'])
        .where('hash', '=', hashOfSecret(secret))
        .where('revokedAt', 'is', null)
        .executeTakeFirst();
      if (!key) return undefined;
      const createdAt = new Date(now).toISOString();
      await transaction.deleteFrom('session').where('expiresAt', '<=', createdAt).execute();
      await makeRoom(transaction, key.id);
      await transaction
        .insertInto('session')
        .values({ hash: hashOfSecret(token), key: key.id, createdAt, expiresAt })
        .execute();
      return { token, scope: key.scope as Scope, key: key.name, keyHash: key.hash, expiresAt };
    });
  }

  /** The session that a token belongs to; undefined where it has ended. */
  async find(token: string): Promise<Session | undefined> {
    if (!isToken(token)) return undefined;
    const found = (await this.#known.get('all')).get(hashOfSecret(token));
    return found && Date.parse(found.expiresAt) > this.#now() ? found : undefined;
  }

  /** Signs out: from now on the token means nothing. */
  async end(token: string): Promise<void> {
    await this.#database.exclusively('sessions', (transaction) =>
      transaction.deleteFrom('session').where('hash', '=', hashOfSecret(token)).execute(),
    );
  }

  async #read(): Promise<Map<string, Session>> {
    const rows = await this.#database.query
      .selectFrom('session')
      .innerJoin('apiKey', 'apiKey.id', 'session.key')
      .select(['session.hash', 'session.expiresAt', 'apiKey.scope', 'apiKey.name', 'apiKey.hash as keyHash'])
      .where('apiKey.revokedAt', 'is', null)
      .execute();
    return new Map(
      rows.map(({ hash, scope, name, ...row }) => [hash, { ...row, scope: scope as Scope, key: name }]),
    );
  }
}

/** Whether a secret may be a session's token. The secret of a key is none, and no session is looked for. */
export function isToken(secret: string): boolean {
  return /^[\w-]{43}$/.test(secret);
}

/** Ends the oldest sessions of a key that has as many as it may. */
async function makeRoom(transaction: Transaction<Tables>, key: string): Promise<void> {
  const others = await transaction
    .selectFrom('session')
    .select('hash')
    .where('key', '=', key)
    .orderBy('createdAt', 'desc')
    .execute();
  const oldest = others.slice(mostOfOneKey - 1).map(({ hash }) => hash);
  if (oldest.length > 0) await transaction.deleteFrom('session').where('hash', 'in', oldest).execute();
}
