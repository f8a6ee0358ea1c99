import { Migrator } from 'kysely/migration';
import { storageError } from '../storage-error.ts';
import type { Database } from './database.ts';
import { createJobs } from './migrations/001-jobs.ts';
import { createRegistry } from './migrations/002-registry.ts';
import { addArtifactKeys } from './migrations/004-artifact-keys.ts';
import { openPostgres } from './postgres.ts';
import { openSqlite } from './sqlite.ts';

/** Every migration there ever was, in order; none is ever changed once it is released. */
const migrations = {
  '001-jobs': { up: createJobs },
  '002-registry': { up: createRegistry },
  '004-artifact-keys': { up: addArtifactKeys },
};

/**
 * Opens the database and brings its tables up to date. Several processes may have it open.
 * @param data folder of the SQLite file, where there is no address
 * @param address `postgres://user:password@host/database?schema=tandem`
 * @throws TandemError `storage-unavailable`, `invalid-configuration` (the address)
 * @example const database = await openDatabase('data');
 */
export async function openDatabase(data: string, address?: string): Promise<Database> {
  try {
    const { database, schema, whileMigrating } = address
      ? await openPostgres(address)
      : await openSqlite(data);
    const migrator = new Migrator({
      db: database.query,
      provider: { getMigrations: async () => migrations },
      migrationTableSchema: schema,
    });
    const { error } = await whileMigrating(() => migrator.migrateToLatest()).catch((error) => ({ error }));
    if (!error) return database;
    await database.close();
    throw error;
  } catch (error) {
    throw storageError(error) ?? error;
  }
}
