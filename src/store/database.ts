import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { TandemError } from '../errors.ts';
import { createJobs } from './migrations/001-jobs.ts';

export interface Tables {
  job: JobTable;
  jobEvent: JobEventTable;
}

interface JobTable {
  id: string;
  /** ISO 8601: jobs are done in this order. */
  createdAt: string;
  /** JSON: the job as it is shown, and what it takes to run it. */
  job: string;
  task: string;
  /** 1 once somebody asked it to stop. */
  cancelled: number;
}

interface JobEventTable {
  jobId: string;
  /** Rising within the job; numbers may be left out. */
  number: number;
  type: string;
  /** JSON: the job as it was then. */
  job: string;
}

export type Database = Kysely<Tables>;

/** Every migration there ever was, in order; none is ever changed once it is released. */
const migrations = { '001-jobs': { up: createJobs } };

const busy = 5;

/**
 * Opens the database of a data folder, brings its tables up to date, and keeps every other server off the folder until it
 * is closed. What is committed is on the disk.
 * @throws TandemError `data-in-use` where another process has it
 * @example const database = await openDatabase('data');
 */
export async function openDatabase(data: string): Promise<Database> {
  await mkdir(data, { recursive: true });
  const release = lock(path.join(data, 'lock'));
  const connection = new DatabaseSync(path.join(data, 'tandem.sqlite'));
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
  const database: Database = new Kysely({ dialect: new Dialect({ database: adapt(connection, release) }) });
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) {
    await database.destroy();
    throw error;
  }
  return database;
}

/**
 * Keeps other servers off a data folder: a transaction in an empty SQLite file, which ends with the process, however it
 * ends. The database itself stays open to readers.
 */
function lock(file: string): () => void {
  const held = new DatabaseSync(file);
  try {
    held.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    held.close();
    if ((error as { errcode?: number }).errcode !== busy) throw error;
    throw new TandemError('data-in-use', `another process holds ${file}`, { cause: error });
  }
  return () => held.close();
}

/** SQLite can change tables in a transaction: a migration that is interrupted leaves nothing. */
class Dialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}

class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** node:sqlite in the form that Kysely's dialect takes. */
function adapt(connection: DatabaseSync, release: () => void) {
  return {
    close: () => {
      connection.close();
      release();
    },
    prepare(sql: string) {
      const statement = connection.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...(parameters as SQLInputValue[])),
        run: (parameters: readonly unknown[]) => statement.run(...(parameters as SQLInputValue[])),
        iterate: (parameters: readonly unknown[]) =>
          statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
      };
    },
  };
}
