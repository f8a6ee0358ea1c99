import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { parseJson } from '../../../json.ts';

const recordSchema = z.object({ hash: z.string() });

/** A dataset's hash in a column of its own, to be found by. One whose record is damaged has none. */
export async function addDatasetHash(database: Kysely<never>): Promise<void> {
  const { schema } = database;
  await schema.alterTable('dataset').addColumn('hash', 'text').execute();
  await schema.createIndex('datasetByHash').on('dataset').column('hash').execute();
  const { rows } = await sql<{ id: string; record: string }>`
    select id, record from ${sql.table('dataset')}`.execute(database);
  for (const { id, record } of rows) {
    const hash = hashIn(record);
    if (hash !== undefined)
      await sql`update ${sql.table('dataset')} set hash = ${hash} where id = ${id}`.execute(database);
  }
}

function hashIn(record: string): string | undefined {
  try {
    return parseJson(recordSchema, record, 'a dataset').hash;
  } catch {
    return undefined;
  }
}
