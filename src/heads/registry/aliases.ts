import type { Transaction } from 'kysely';
import { z } from 'zod';
import { parseJson } from '../../json.ts';
import type { Tables } from '../../store/database/database.ts';

/** What an alias may be called. `latest` and numbers mean something already. */
export const aliasPattern = /^(?!latest$)[a-z][a-z0-9._-]{0,63}$/;
/** How many earlier versions an alias remembers. */
const earlierVersions = 20;

const versionsSchema = z.array(z.int());

/** The versions that an alias stood for, the present one first; none where there is no such alias. */
export async function aliasHistory(
  transaction: Transaction<Tables>,
  name: string,
  alias: string,
): Promise<number[]> {
  const row = await transaction
    .selectFrom('headAlias')
    .select('versions')
    .where('name', '=', name)
    .where('alias', '=', alias)
    .executeTakeFirst();
  return row ? parseJson(versionsSchema, row.versions, `what is stored of ${name}@${alias}`) : [];
}

/** Lets an alias stand for the first of some versions. */
export async function writeAliasHistory(
  transaction: Transaction<Tables>,
  name: string,
  alias: string,
  history: readonly number[],
): Promise<void> {
  const versions = JSON.stringify(history.slice(0, 1 + earlierVersions));
  await transaction
    .insertInto('headAlias')
    .values({ name, alias, versions })
    .onConflict((conflict) => conflict.columns(['name', 'alias']).doUpdateSet({ versions }))
    .execute();
}

/** Forgets an alias and what it stood for. @returns false if it is unknown */
export async function forgetAlias(
  transaction: Transaction<Tables>,
  name: string,
  alias: string,
): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .deleteFrom('headAlias')
    .where('name', '=', name)
    .where('alias', '=', alias)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}
