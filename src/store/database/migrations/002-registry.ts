import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { parseJson } from '../../../json.ts';

const jobSchema = z.object({ state: z.string() });

/** Heads, datasets and keys, which lay in files before; a job's state, priority and server in columns of their own. */
export async function createRegistry(database: Kysely<never>): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('headVersion')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('createdAt', 'text', (column) => column.notNull())
    .addColumn('folder', 'text')
    .addColumn('files', 'text', (column) => column.notNull())
    .addColumn('manifest', 'text', (column) => column.notNull())
    .addColumn('job', 'text', (column) => column.unique())
    .addPrimaryKeyConstraint('headVersionNumber', ['name', 'version'])
    .execute();
  await schema
    .createTable('headAlias')
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('alias', 'text', (column) => column.notNull())
    .addColumn('versions', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('headAliasName', ['name', 'alias'])
    .execute();
  await schema
    .createTable('dataset')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('createdAt', 'text', (column) => column.notNull())
    .addColumn('record', 'text', (column) => column.notNull())
    .addColumn('examples', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('pictureUse')
    .addColumn('user', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('importedAt', 'text')
    .addPrimaryKeyConstraint('pictureUseOnce', ['user', 'hash'])
    .execute();
  await schema.createIndex('pictureUseByHash').on('pictureUse').column('hash').execute();
  await schema
    .createTable('apiKey')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('revokedAt', 'text')
    .execute();
  await schema
    .alterTable('job')
    .addColumn('state', 'text', (column) => column.notNull().defaultTo('queued'))
    .execute();
  await schema
    .alterTable('job')
    .addColumn('priority', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await schema.alterTable('job').addColumn('runner', 'text').execute();
  const { rows } = await sql<{ id: string; job: string }>`select id, job from job`.execute(database);
  for (const { id, job } of rows) {
    const { state } = parseJson(jobSchema, job, `what is stored of the job ${id}`);
    await sql`update job set state = ${state} where id = ${id}`.execute(database);
  }
}
