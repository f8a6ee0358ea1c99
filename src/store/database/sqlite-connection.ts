import { copyFileSync, existsSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TandemError } from '../../errors.ts';
import { storageError } from '../storage-error.ts';
import { SqliteChanges } from './sqlite-changes.ts';

/** Milliseconds that one process waits for another's transaction. */
export const patience = 10_000;
/** Bytes up to which all of a file is checked when it is opened. */
const thoroughlyChecked = 2 ** 26;
/** Bytes that SQLite needs beside the file to open it. */
const neededSpace = 2 ** 16;
/** Primary result codes of SQLite for a damaged file, and for one that is no database (https://sqlite.org/rescode.html). */
const damageCodes = new Set([11, 26]);
/** The same for a disk that is full, or cannot be written to. */
const diskCodes = new Set([8, 10, 13, 14]);
/** Milliseconds between two tries to open the file itself. */
const retryInterval = 2000;

/**
 * The connection to a SQLite file. Where its disk is full or read-only when it is opened, a copy is read that lies in
 * memory or on another disk, changes are refused, and the file itself is tried again from time to time.
 * @example
 * const connection = SqliteConnection.open('data/tandem.sqlite');
 * connection.current.exec('SELECT 1');
 */
export class SqliteConnection {
  readonly #file: string;
  #connection: DatabaseSync;
  #changes: SqliteChanges;
  #outage: TandemError | undefined;
  #triedAt = performance.now();

  private constructor(file: string, connection: DatabaseSync, outage?: TandemError) {
    this.#file = file;
    this.#connection = connection;
    this.#changes = new SqliteChanges(connection);
    this.#outage = outage;
  }

  /** @throws TandemError `damaged-artifact`, `storage-unavailable` where nothing can be read */
  static open(file: string): SqliteConnection {
    try {
      return new SqliteConnection(file, connect(file));
    } catch (error) {
      const outage = diskTrouble(file, error);
      const copy = outage && existsSync(file) ? openCopy(file) : undefined;
      if (!copy) throw outage ?? error;
      return new SqliteConnection(file, copy, outage);
    }
  }

  /** What to prepare the next statement with. */
  get current(): DatabaseSync {
    const isTime = performance.now() - this.#triedAt > retryInterval;
    if (this.#outage && isTime && !this.#connection.isTransaction) this.#tryAgain();
    return this.#connection;
  }

  /** Why nothing can be changed now; undefined where it can. */
  get outage(): TandemError | undefined {
    return this.#outage;
  }

  /** Stays the same while nobody has changed anything. */
  get mark(): string {
    return `${this.#outage ? 'copy ' : ''}${this.#changes.mark}`;
  }

  close(): void {
    this.#connection.close();
  }

  #tryAgain(): void {
    this.#triedAt = performance.now();
    try {
      const connection = connect(this.#file);
      this.#connection.close();
      this.#connection = connection;
      this.#changes = new SqliteChanges(connection);
      this.#outage = undefined;
    } catch {
      // The copy goes on.
    }
  }
}

function connect(file: string): DatabaseSync {
  const connection = new DatabaseSync(file, { timeout: patience });
  try {
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    checkIntegrity(connection, file);
    return connection;
  } catch (error) {
    connection.close();
    throw damageIn(file, error) ?? error;
  }
}

/** Opens a copy to read, which is gone when it is closed. @returns undefined where there is no room for one */
function openCopy(file: string): DatabaseSync | undefined {
  for (const place of [tmpdir(), '/dev/shm']) {
    let folder: string | undefined;
    try {
      folder = mkdtempSync(path.join(place, 'tandem-'));
      const copy = path.join(folder, path.basename(file));
      for (const suffix of ['', '-wal'])
        if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
      const connection = new DatabaseSync(copy);
      connection.exec('PRAGMA journal_mode = DELETE; PRAGMA query_only = ON');
      checkIntegrity(connection, file);
      return connection;
    } catch (error) {
      if (error instanceof TandemError) throw error;
      // There may be room elsewhere.
    } finally {
      // Those that have it open go on reading it.
      if (folder) rmSync(folder, { recursive: true, force: true });
    }
  }
  return undefined;
}

/** Looks at every page, and at every index where that takes no time to speak of. @throws TandemError `damaged-artifact` */
function checkIntegrity(connection: DatabaseSync, file: string): void {
  const thorough = statSync(file).size <= thoroughlyChecked;
  const row = connection.prepare(`PRAGMA ${thorough ? 'integrity_check' : 'quick_check'}(1)`).get();
  const [found] = Object.values(row ?? {});
  if (found !== 'ok') throw damaged(file, String(found));
}

/** An error that says that the disk is full or cannot be written to, as people meet it; undefined where it says something else. */
function diskTrouble(file: string, error: unknown): TandemError | undefined {
  const { errcode, message } = error as Error & { errcode?: number };
  if (errcode === undefined || !diskCodes.has(errcode & 0xff)) return undefined;
  const { bavail, bsize } = statfsSync(path.dirname(file));
  if (bavail * bsize >= neededSpace) return storageError(error);
  return new TandemError('storage-unavailable', `the disk is full: ${message}`, {
    cause: error,
    retryAfter: 5,
  });
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
