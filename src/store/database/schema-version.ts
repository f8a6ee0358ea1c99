import { type Kysely, sql } from 'kysely';
import { TandemError } from '../../errors.ts';
import { itemAt } from '../../indexing.ts';
import type { Tables } from './database.ts';

/** A change of the tables. */
export interface SchemaChange {
  up(database: Kysely<never>): Promise<void>;
  /**
   * The migration up to which a release must know the tables to work on them once this change is made. A change that only
   * adds what earlier releases may leave alone keeps the one before it.
   */
  compatibleSince: string;
}

/** Which fact of the store says how much of its tables a release must know. */
const fact = 'compatibleSince';

/**
 * Looks whether this release can work on the tables as they are.
 * @param known the migrations of this release, in order
 * @returns false where they must be brought up to date first
 * @throws TandemError `newer-store` where a later release has changed them too much
 */
export async function isUpToDate(
  query: Kysely<Tables>,
  known: Record<string, SchemaChange>,
): Promise<boolean> {
  const made = await executed(query);
  const later = made.filter((name) => !(name in known));
  if (later.length === 0) return Object.keys(known).every((name) => made.includes(name));
  const row = await query
    .selectFrom('storeFact')
    .select('value')
    .where('name', '=', fact)
    .executeTakeFirst()
    .catch(absent);
  const newest = itemAt(Object.keys(known).sort(), -1);
  if (row && row.value <= newest) return true;
  throw new TandemError(
    'newer-store',
    `its tables were changed by ${later.join(', ')}, and this release knows them up to ${newest}`,
  );
}

/** Notes for earlier releases how much of the tables they must know. */
export async function noteCompatibility(
  query: Kysely<Tables>,
  known: Record<string, SchemaChange>,
): Promise<void> {
  const since = Object.values(known).map(({ compatibleSince }) => compatibleSince);
  const value = itemAt(since.sort(), -1);
  await query
    .insertInto('storeFact')
    .values({ name: fact, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}

/** The migrations that were made, of whichever release. */
async function executed(query: Kysely<Tables>): Promise<string[]> {
  const found = await sql<{ name: string }>`select name from kysely_migration`.execute(query).catch(absent);
  return (found?.rows ?? []).map(({ name }) => name);
}

/** For a table that may not be there: undefined instead of the error that says so. */
function absent(error: Error & { code?: string }): undefined {
  // https://www.postgresql.org/docs/current/errcodes-appendix.html: undefined_table
  if (error.code === '42P01' || /no such table/.test(error.message)) return undefined;
  throw error;
}
