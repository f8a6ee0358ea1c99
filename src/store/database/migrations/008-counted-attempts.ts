import type { Kysely } from 'kysely';

/** Whose attempts a job counts, so that one of before is not subtracted from them. */
export async function addCountedAttempts(database: Kysely<never>): Promise<void> {
  await database.schema
    .alterTable('job')
    .addColumn('countedFrom', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
