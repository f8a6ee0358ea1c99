import path from 'node:path';
import type { SQLInputValue } from 'node:sqlite';
import { Kysely, SqliteAdapter, SqliteDialect } from 'kysely';
import { lockFile, makeDataFolder } from './data-lock.ts';
import type { Database, Tables } from './database.ts';
import { patience, SqliteConnection } from './sqlite-connection.ts';
import { storable } from './storable.ts';

/** Primary result code of SQLite (https://sqlite.org/rescode.html). */
const readOnly = 8;

/** @param data folder of the file; made where it is missing */
export async function openSqlite(data: string) {
  await makeDataFolder(data);
  const connection = SqliteConnection.open(path.join(data, 'tandem.sqlite'));
  const query = new Kysely<Tables>({ dialect: new Dialect({ database: adapt(connection) }) });
  const database: Database = {
    kind: 'sqlite',
    query,
    outage: () => connection.outage,
    mark: () => connection.mark,
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
function adapt(connection: SqliteConnection) {
  /** Where a copy is read, a change says why. */
  const orOutage = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (error) {
      throw (error as { errcode?: number }).errcode === readOnly ? (connection.outage ?? error) : error;
    }
  };
  return {
    close: () => connection.close(),
    prepare(sql: string) {
      const { current } = connection;
      const statement = current.prepare(replaceTransactionStatement(sql, current.isTransaction));
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) =>
          orOutage(() => statement.all(...storable(parameters as SQLInputValue[]))),
        run: (parameters: readonly unknown[]) =>
          orOutage(() => statement.run(...storable(parameters as SQLInputValue[]))),
        iterate: (parameters: readonly unknown[]) =>
          statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
      };
    },
  };
}

/** `begin` and `rollback` in the form that SQLite needs; every other statement as it is. */
function replaceTransactionStatement(sql: string, isTransaction: boolean): string {
  // A transaction that reads first and then writes would fail at once where another process wrote in between.
  if (sql === 'begin') return 'begin immediate';
  // Where the disk is full SQLite has rolled back by itself, and the error of doing it again would hide why.
  if (sql === 'rollback' && !isTransaction) return 'select 1';
  return sql;
}
