import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Generated, Kysely, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { TandemError } from '../errors.ts';
import { createJobs } from './migrations/001-jobs.ts';

export interface Tables {
  job: JobTable;
  jobEvent: JobEventTable;
}

interface JobTable {
  /** Order of submission. */
  position: Generated<number>;
  id: string;
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
 * Opens the database of a data folder, brings its tables up to date, and keeps every other process out until it is
 * closed: the lock is SQLite's own, so it ends with the process. What is committed is on the disk.
 * @throws TandemError `data-in-use` where another process has it
 * @example const database = await openDatabase('data');
 */
export async function openDatabase(data: string): Promise<Database> {
  await mkdir(data, { recursive: true });
  const file = path.join(data, 'tandem.sqlite');
  const connection = new DatabaseSync(file);
  try {
    connection.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    connection.exec('BEGIN IMMEDIATE; COMMIT');
  } catch (error) {
    connection.close();
    if ((error as { errcode?: number }).errcode !== busy) throw error;
    throw new TandemError('data-in-use', `another process has ${file} open`, { cause: error });
  }
  const database: Database = new Kysely({ dialect: new SqliteDialect({ database: adapt(connection) }) });
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) {
    await database.destroy();
    throw error;
  }
  return database;
}

/** node:sqlite in the form that Kysely's dialect takes. */
function adapt(connection: DatabaseSync) {
  return {
    close: () => connection.close(),
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
