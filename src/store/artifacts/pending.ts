import type { Transaction } from 'kysely';
import type { Database, Tables } from '../database/database.ts';
import { abandonedAfter } from '../files/durable.ts';

/**
 * What is being brought in: a row is written before the first file and goes in the transaction that registers the whole.
 * So a file that neither such a row nor a registered one speaks of is of no use to anybody, now or later, whatever any
 * clock says.
 * @example
 * await pending.begin(key);
 * await artifacts.take(`${key}/head.onnx`, file);
 * await database.exclusively('heads', async (transaction) => {
 *   if (!(await pending.finish(transaction, key))) return false;
 *   …
 * });
 */
export class PendingArtifacts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @param id that nothing had before */
  async begin(id: string): Promise<void> {
    await this.#database.query
      .insertInto('pendingArtifact')
      .values({ id, startedAt: new Date().toISOString() })
      .execute();
  }

  /**
   * Ends it in the transaction that registers what came in. It must be its first statement: a caller that gives the same thing
   * up waits for the outcome.
   * @returns false where it was given up meanwhile; then nothing of it may be registered
   */
  async finish(transaction: Transaction<Tables>, id: string): Promise<boolean> {
    const { numDeletedRows } = await transaction
      .deleteFrom('pendingArtifact')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    return numDeletedRows > 0n;
  }

  /** Gives it up. A registration whose outcome is not known yet is waited for. */
  async giveUp(id: string): Promise<void> {
    await this.#database.query.deleteFrom('pendingArtifact').where('id', '=', id).execute();
  }

  /** Gives up what was begun a day ago. Where a clock is wrong, what is under way is refused, and nothing is lost. */
  async giveUpOld(): Promise<void> {
    const since = new Date(Date.now() - abandonedAfter).toISOString();
    await this.#database.query.deleteFrom('pendingArtifact').where('startedAt', '<', since).execute();
  }

  /**
   * Those of some ids that are under way. Ask before asking for what is registered: what was registered in between is
   * found there.
   */
  async among(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const rows = await this.#database.query
      .selectFrom('pendingArtifact')
      .select('id')
      .where('id', 'in', ids)
      .execute();
    return rows.map(({ id }) => id);
  }
}
