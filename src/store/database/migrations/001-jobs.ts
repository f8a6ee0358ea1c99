import type { Kysely } from 'kysely';

/** Jobs and their events. */
export async function createJobs(database: Kysely<never>): Promise<void> {
  await database.schema
    .createTable('job')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('createdAt', 'text', (column) => column.notNull())
    .addColumn('job', 'text', (column) => column.notNull())
    .addColumn('task', 'text', (column) => column.notNull())
    .addColumn('cancelled', 'integer', (column) => column.notNull())
    .execute();
  await database.schema
    .createTable('jobEvent')
    .addColumn('jobId', 'text', (column) => column.notNull().references('job.id'))
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('job', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('jobEventNumber', ['jobId', 'number'])
    .execute();
}
