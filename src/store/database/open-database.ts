import { Migrator } from 'kysely/migration';
import { storageError } from '../storage-error.ts';
import type { Database } from './database.ts';
import { createJobs } from './migrations/001-jobs.ts';
import { createRegistry } from './migrations/002-registry.ts';
import { addArtifactKeys } from './migrations/004-artifact-keys.ts';
import { addJobOwnership } from './migrations/005-job-ownership.ts';
import { addHeadOrigin } from './migrations/006-head-origin.ts';
import { addJobAttempts } from './migrations/007-job-attempts.ts';
import { addCountedAttempts } from './migrations/008-counted-attempts.ts';
import { renameImages } from './migrations/009-image-names.ts';
import { createIdempotentRequests } from './migrations/010-idempotent-requests.ts';
import { createHeadAcceptance } from './migrations/011-head-acceptance.ts';
import { addDatasetHash } from './migrations/012-dataset-hash.ts';
import { createSessions } from './migrations/013-sessions.ts';
import { openPostgres } from './postgres.ts';
import { isUpToDate, noteCompatibility, type SchemaChange } from './schema-version.ts';
import { openSqlite } from './sqlite.ts';

/** Every migration there ever was, in order; none is ever changed once it is released. */
const migrations: Record<string, SchemaChange> = {
  '001-jobs': { up: createJobs, compatibleSince: '001-jobs' },
  '002-registry': { up: createRegistry, compatibleSince: '002-registry' },
  // Earlier releases look for images elsewhere, and write files before rows.
  '004-artifact-keys': { up: addArtifactKeys, compatibleSince: '004-artifact-keys' },
  // Earlier releases write jobs without looking who owns them.
  '005-job-ownership': { up: addJobOwnership, compatibleSince: '005-job-ownership' },
  // What earlier releases register counts as imported.
  '006-head-origin': { up: addHeadOrigin, compatibleSince: '005-job-ownership' },
  // Earlier releases count no attempts.
  '007-job-attempts': { up: addJobAttempts, compatibleSince: '005-job-ownership' },
  // Earlier releases subtract attempts that are not counted.
  '008-counted-attempts': { up: addCountedAttempts, compatibleSince: '005-job-ownership' },
  // Earlier releases look for tables of other names.
  '009-image-names': { up: renameImages, compatibleSince: '009-image-names' },
  // Earlier releases take no Idempotency-Key.
  '010-idempotent-requests': { up: createIdempotentRequests, compatibleSince: '009-image-names' },
  // Earlier releases decide nothing.
  '011-head-acceptance': { up: createHeadAcceptance, compatibleSince: '009-image-names' },
  // Datasets that earlier releases import are not found by their hash.
  '012-dataset-hash': { up: addDatasetHash, compatibleSince: '009-image-names' },
  // A release that does not know sessions lets nobody in by one.
  '013-sessions': { up: createSessions, compatibleSince: '009-image-names' },
};

/**
 * Opens the database and brings its tables up to date. Several processes may have it open.
 * @param data folder of the SQLite file, where there is no address
 * @param address `postgres://user:password@host/database?schema=tandem`
 * @throws TandemError `storage-unavailable`, `invalid-configuration` (the address), `newer-store`, `damaged-artifact` (the file)
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
    const migrate = async () => {
      if (await isUpToDate(database.query, migrations)) return;
      const { error, results } = await migrator.migrateToLatest();
      if (error) throw error;
      if (results?.length) await noteCompatibility(database.query, migrations);
    };
    await whileMigrating(migrate).catch(async (error) => {
      await database.close();
      throw error;
    });
    return database;
  } catch (error) {
    throw storageError(error) ?? error;
  }
}
