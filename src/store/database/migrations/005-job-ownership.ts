import type { Kysely } from 'kysely';

/** Who owns a job, as a fencing token, and the checkpoint that its next owner resumes from. */
export async function addJobOwnership(database: Kysely<never>): Promise<void> {
  const { schema } = database;
  await schema
    .alterTable('job')
    .addColumn('token', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await schema.alterTable('job').addColumn('checkpoint', 'text').execute();
}
