import type { Kysely } from 'kysely';

/** What is about to be registered, where each image lies, and what is known of the store as a whole. */
export async function addArtifactKeys(database: Kysely<never>): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('pendingArtifact')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('startedAt', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('storeFact')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
  await schema.alterTable('pictureUse').addColumn('key', 'text').execute();
  await schema.alterTable('dataset').addColumn('pictureUser', 'text').execute();
}
