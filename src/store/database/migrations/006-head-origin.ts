import type { Kysely } from 'kysely';
import type { Tables } from '../database.ts';

/**
 * Where a head's version comes from. A version that a job has made was trained here; of every other one that an earlier
 * release registered it isn't known, so it counts as imported.
 */
export async function addHeadOrigin(database: Kysely<never>): Promise<void> {
  await database.schema
    .alterTable('headVersion')
    .addColumn('origin', 'text', (column) => column.notNull().defaultTo('imported'))
    .execute();
  await (database as unknown as Kysely<Tables>)
    .updateTable('headVersion')
    .set({ origin: 'trained' })
    .where('job', 'is not', null)
    .execute();
}
