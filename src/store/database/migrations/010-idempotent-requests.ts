import type { Kysely } from 'kysely';

/** Requests that came with an Idempotency-Key, and how those that are over were answered. */
export async function createIdempotentRequests(database: Kysely<never>): Promise<void> {
  await database.schema
    .createTable('idempotentRequest')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('expiresAt', 'text', (column) => column.notNull())
    .addColumn('answer', 'text')
    .execute();
}
