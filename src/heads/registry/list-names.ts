import { sql } from 'kysely';
import type { Database } from '../../store/database/database.ts';
import { byBytes, type Page } from '../../store/database/page.ts';
import type { ShippedHead } from './shipped-heads.ts';

/**
 * The names of the heads that have a version, in the order of their bytes, and how many there are.
 * @param page all of them where it is left out
 * @example const { names, total } = await listNames(database, shipped, { offset: 0, limit: 50 });
 */
export async function listNames(
  database: Database,
  shipped: readonly ShippedHead[],
  page?: Page,
): Promise<{ names: string[]; total: number }> {
  const registered = database.query
    .selectFrom('headVersion')
    .select('name')
    .distinct()
    .where('folder', 'is not', null);
  // A union leaves out what is there twice.
  const all = [...new Set(shipped.map(({ name }) => name))].reduce(
    (names, name) => names.union(database.query.selectNoFrom(sql<string>`cast(${name} as text)`.as('name'))),
    registered,
  );
  const known = database.query.selectFrom(all.as('known'));
  const rows = await known
    .select('name')
    .orderBy(byBytes(database, 'name'))
    .$if(page !== undefined, (query) => query.limit(page?.limit ?? 0).offset(page?.offset ?? 0))
    .execute();
  const names = rows.map(({ name }) => name);
  if (!page) return { names, total: names.length };
  const { count } = await known.select(({ fn }) => fn.countAll().as('count')).executeTakeFirstOrThrow();
  return { names, total: Number(count) };
}
