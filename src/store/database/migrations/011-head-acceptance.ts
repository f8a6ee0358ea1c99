import type { Kysely } from 'kysely';

/** Which answers of a version are accepted, where that was set after its training. */
export async function createHeadAcceptance(database: Kysely<never>): Promise<void> {
  await database.schema
    .createTable('headAcceptance')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('acceptance', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('headAcceptancePrimaryKey', ['name', 'version'])
    .execute();
}
