import type { Kysely } from 'kysely';

/** How many attempts at a job have not ended in words, so that one that ends its server each time is not run for ever. */
export async function addJobAttempts(database: Kysely<never>): Promise<void> {
  await database.schema
    .alterTable('job')
    .addColumn('attempts', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
