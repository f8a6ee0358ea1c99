import type { Transaction } from 'kysely';
import { z } from 'zod';
import { TandemError } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { Database, Tables } from './database/database.ts';
import { sha256OfJson, uuidOfJson } from './files/checksum.ts';

/** How a request was answered. */
export interface KeptAnswer {
  status: number;
  /** Address of what it made. */
  location?: string;
  body: unknown;
}

const answerSchema = z.object({ status: z.int(), location: z.string().optional(), body: z.unknown() });

/** Milliseconds for which an answer is kept, and a key means what it made. */
export const keptFor = 24 * 3_600_000;
/** Milliseconds after which a request counts as given up whose server does not say that it is still at it. */
const lease = 60_000;
/** Most requests that are kept; the one whose time is up first makes room. */
const mostRequests = 10_000;

/** A request that nobody has answered yet. */
export interface BegunRequest {
  /** The same UUID whenever the same caller sends the same request with the same key: what it makes can be called so. */
  id: string;
  /** Says that the work goes on; once a minute at least. */
  renew(): Promise<void>;
  /** Keeps the answer, for the same request when it is sent again. */
  finish(answer: KeptAnswer): Promise<void>;
  /** It was not answered: the next one with the key does the work. */
  drop(): Promise<void>;
}

/**
 * Requests that came with an Idempotency-Key, in the database, so that all servers of it agree. An answer is kept for a day.
 * https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 * @example
 * const begun = await requests.begin(caller, key, fingerprint);
 * if ('answer' in begun) return begun.answer;
 * await begun.finish({ status: 202, body: job });
 */
export class IdempotentRequests {
  readonly #database: Database;
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * @param caller whose key it is: others may use the same one
   * @param fingerprint what the request asks for
   * @returns the answer, where the request was answered before; else what it takes to keep it
   * @throws TandemError `idempotency-mismatch` where the key came with another request, `idempotency-in-progress` where the
   *   same one is not answered yet
   */
  begin(caller: string, key: string, fingerprint: string): Promise<{ answer: KeptAnswer } | BegunRequest> {
    const id = sha256OfJson([caller, key]);
    return this.#database.exclusively('idempotency', async (transaction) => {
      await transaction.deleteFrom('idempotentRequest').where('expiresAt', '<', this.#timeIn(0)).execute();
      const known = await transaction
        .selectFrom('idempotentRequest')
        .selectAll()
        .where('key', '=', id)
        .executeTakeFirst();
      if (known && known.fingerprint !== fingerprint)
        throw new TandemError(
          'idempotency-mismatch',
          'this Idempotency-Key came with another request before',
        );
      if (known && known.answer === null)
        throw new TandemError('idempotency-in-progress', 'the same request is not answered yet', {
          retryAfter: 1,
        });
      if (known?.answer) return { answer: parseJson(answerSchema, known.answer, 'a kept answer') };
      await makeRoom(transaction);
      const row = { key: id, fingerprint, expiresAt: this.#timeIn(lease), answer: null };
      await transaction.insertInto('idempotentRequest').values(row).execute();
      return this.#begun(id, uuidOfJson([id, fingerprint]));
    });
  }

  #begun(key: string, id: string): BegunRequest {
    const { query } = this.#database;
    const change = async (row: { expiresAt: string; answer?: string }) =>
      void (await query
        .updateTable('idempotentRequest')
        .set(row)
        .where('key', '=', key)
        .where('answer', 'is', null)
        .execute());
    return {
      id,
      renew: () => change({ expiresAt: this.#timeIn(lease) }),
      finish: (answer) => change({ expiresAt: this.#timeIn(keptFor), answer: JSON.stringify(answer) }),
      drop: async () =>
        void (await query
          .deleteFrom('idempotentRequest')
          .where('key', '=', key)
          .where('answer', 'is', null)
          .execute()),
    };
  }

  #timeIn(milliseconds: number): string {
    return new Date(this.#now() + milliseconds).toISOString();
  }
}

async function makeRoom(transaction: Transaction<Tables>): Promise<void> {
  const { count } = await transaction
    .selectFrom('idempotentRequest')
    .select(({ fn }) => fn.countAll<number | string>().as('count'))
    .executeTakeFirstOrThrow();
  if (Number(count) < mostRequests) return;
  const first = transaction.selectFrom('idempotentRequest').select('key').orderBy('expiresAt').limit(1);
  await transaction.deleteFrom('idempotentRequest').where('key', 'in', first).execute();
}
