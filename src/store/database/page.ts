import { type RawBuilder, sql } from 'kysely';
import type { Database } from './database.ts';

/** Some of a list. */
export interface Page {
  /** How many are passed over. */
  offset: number;
  /** How many there are to be at most. */
  limit: number;
}

/**
 * A column by the bytes of its text, for an order that is the same on every database: Postgres sorts by its locale.
 * @example query.selectFrom('dataset').select('id').orderBy(byBytes(database, 'id'))
 */
export function byBytes({ kind }: Pick<Database, 'kind'>, column: string): RawBuilder<string> {
  const text = sql.ref<string>(column);
  return kind === 'postgres' ? sql`${text} collate "C"` : sql`${text} collate binary`;
}
