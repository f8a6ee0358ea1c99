import { statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely';
import { TandemError } from '../../errors.ts';
import { lockFile, makeDataFolder } from './data-lock.ts';
import type { Database, Tables } from './database.ts';
import { storable } from './storable.ts';

/** Milliseconds that one process waits for another's transaction. */
const patience = 10_000;
/** Bytes up to which all of a file is checked when it is opened. */
const thoroughlyChecked = 2 ** 26;
/** Primary result codes of SQLite for a damaged file, and for one that is no database (https://sqlite.org/rescode.html). */
const damageCodes = new Set([11, 26]);

/** @param data folder of the file; made where it is missing */
export async function openSqlite(data: string) {
  await makeDataFolder(data);
  const file = path.join(data, 'tandem.sqlite');
  const connection = new DatabaseSync(file, { timeout: patience });
  try {
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    checkIntegrity(connection, file);
  } catch (error) {
    connection.close();
    throw damageIn(file, error) ?? error;
  }
  const query = new Kysely<Tables>({ dialect: new Dialect({ database: adapt(connection) }) });
  const changes = connection.prepare(
    'SELECT total_changes() AS own, data_version AS others FROM pragma_data_version',
  );
  const database: Database = {
    kind: 'sqlite',
    query,
    mark() {
      const { own, others } = changes.get()!;
      return `${own} ${others}`;
    },
    exclusively: (_, work) => query.transaction().execute(work),
    // One server has the folder to itself.
    ifNobodyElse: (_, work) => work(),
    close: () => query.destroy(),
  };
  return {
    database,
    schema: undefined,
    /** Kysely takes no lock of its own on SQLite. */
    async whileMigrating<Result>(migrate: () => Promise<Result>): Promise<Result> {
      const unlock = lockFile(path.join(data, 'migration-lock'), patience);
      return migrate().finally(unlock);
    },
  };
}

/** Looks at every page, and at every index where that takes no time to speak of. @throws TandemError `damaged-artifact` */
function checkIntegrity(connection: DatabaseSync, file: string): void {
  const thorough = statSync(file).size <= thoroughlyChecked;
  const [row] = connection.prepare(`PRAGMA ${thorough ? 'integrity_check' : 'quick_check'}(1)`).all();
  const [found] = Object.values(row);
  if (found !== 'ok') throw damaged(file, String(found));
}

/** An error of SQLite that says that the file is damaged, as people meet it; undefined where it says something else. */
function damageIn(file: string, error: unknown): TandemError | undefined {
  const { errcode, message } = error as Error & { errcode?: number };
  return errcode !== undefined && damageCodes.has(errcode & 0xff) ? damaged(file, message, error) : undefined;
}

function damaged(file: string, what: string, cause?: unknown): TandemError {
  const fix = `Stop what uses the data folder and restore a backup of it, or of ${path.basename(file)} alone; keep the damaged file.`;
  return new TandemError('damaged-artifact', `${file} is damaged: ${what}`, { cause, fix });
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
function adapt(connection: DatabaseSync) {
  return {
    close: () => connection.close(),
    prepare(sql: string) {
      const statement = connection.prepare(mend(sql, connection.isTransaction));
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...storable(parameters as SQLInputValue[])),
        run: (parameters: readonly unknown[]) => statement.run(...storable(parameters as SQLInputValue[])),
        iterate: (parameters: readonly unknown[]) =>
          statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
      };
    },
  };
}

function mend(sql: string, isTransaction: boolean): string {
  // A transaction that reads first and then writes would fail at once where another process wrote in between.
  if (sql === 'begin') return 'begin immediate';
  // Where the disk is full SQLite has rolled back by itself, and the error of doing it again would hide why.
  if (sql === 'rollback' && !isTransaction) return 'select 1';
  return sql;
}
