import type { Kysely } from 'kysely';

/** Browsers that are signed in, each with a key. */
export async function createSessions(database: Kysely<never>): Promise<void> {
  await database.schema
    .createTable('session')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'text', (column) => column.notNull())
    .addColumn('expiresAt', 'text', (column) => column.notNull())
    .execute();
}
