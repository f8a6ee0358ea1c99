import { Kysely, sql } from 'kysely';
import { TandemError } from '../../errors.ts';
import { storageError } from '../storage-error.ts';
import type { Database, Tables } from './database.ts';
import { OneSchemaDialect } from './one-schema-dialect.ts';

/** For how long what was read counts although other processes may have changed it, in milliseconds. */
const freshness = 500;
const connections = 10;

/** @param address `postgres://user:password@host/database`, with `?schema=` where it isn't to be `tandem` */
export async function openPostgres(address: string) {
  const { connectionString, schema } = readAddress(address);
  const { Pool } = (await import('pg')).default;
  const { boundedPool } = await import('./bounded-client.ts');
  const pool = new Pool({
    ...boundedPool(`-c search_path=${schema}`),
    connectionString,
    max: connections,
  });
  // A connection that breaks while nobody uses it is left out from then on; the next query reports what is the matter.
  pool.on('error', () => {});
  const query = new Kysely<Tables>({
    dialect: new OneSchemaDialect(schema, { pool }),
  });
  let ownChanges = 0;
  const database: Database = {
    kind: 'postgres',
    query,
    outage: () => undefined,
    mark: () => `${ownChanges} ${Math.floor(Date.now() / freshness)}`,
    exclusively: (name, work) =>
      query
        .transaction()
        .execute(async (transaction) => {
          await sql`select pg_advisory_xact_lock(hashtext(${`${schema}/${name}`}))`.execute(transaction);
          return work(transaction);
        })
        .finally(() => ownChanges++),
    ifNobodyElse: (name, work) =>
      query.connection().execute(async (connection) => {
        const lock = `${schema}/${name}`;
        const { rows } = await sql<{
          isMine: boolean;
        }>`select pg_try_advisory_lock(hashtext(${lock})) as "isMine"`.execute(connection);
        if (!rows[0]?.isMine) return undefined;
        try {
          return await work();
        } finally {
          // With a connection that is lost the lock is gone as well.
          await sql`select pg_advisory_unlock(hashtext(${lock}))`.execute(connection).catch(() => {});
        }
      }),
    close: () => query.destroy(),
  };
  return {
    database,
    schema,
    /** Kysely itself keeps other migrations waiting. */
    async whileMigrating<Result>(migrate: () => Promise<Result>): Promise<Result> {
      await createSchema(query, schema);
      return migrate();
    },
  };
}

/**
 * The parts of an address.
 * @throws TandemError `invalid-configuration`
 */
export function readAddress(address: string): { connectionString: string; schema: string } {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !['postgres:', 'postgresql:'].includes(url.protocol))
    throw new TandemError(
      'invalid-configuration',
      'the database’s address must read postgres://user:password@host:5432/database',
    );
  const schema = url.searchParams.get('schema') ?? 'tandem';
  if (!/^[a-z][a-z0-9_]{0,47}$/.test(schema))
    throw new TandemError(
      'invalid-configuration',
      `the schema ${JSON.stringify(schema)} must be up to 48 of a-z 0-9 _`,
    );
  url.searchParams.delete('schema');
  return { connectionString: url.href, schema };
}

/** Two servers that start at once may both make it: the second finds it, or fails and then finds it. */
async function createSchema(query: Kysely<Tables>, schema: string): Promise<void> {
  const create = () => query.schema.createSchema(schema).ifNotExists().execute();
  await create().catch((error) => {
    if (storageError(error)) throw error;
    return create();
  });
}
