import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { required } from '../../indexing.ts';

/**
 * Tells whether a SQLite file may have changed. A server asks several times for every prediction, so the file, where other
 * connections leave their marks, is looked at once in a turn of the event loop; changes of this connection show at once.
 * @example
 * const changes = new SqliteChanges(connection);
 * const before = changes.mark;
 * connection.exec('DELETE FROM heads');
 * changes.mark === before; // false
 */
export class SqliteChanges {
  readonly #own: StatementSync;
  readonly #others: StatementSync;
  /** What the file said in this turn. */
  #seen: string | undefined;

  constructor(connection: DatabaseSync) {
    this.#own = connection.prepare('SELECT total_changes() AS count');
    this.#others = connection.prepare('PRAGMA data_version');
  }

  /** Stays the same while nobody has changed anything. */
  get mark(): string {
    const { count } = required(this.#own.get(), 'the count of changes');
    return `${count} ${this.#look()}`;
  }

  #look(): string {
    if (this.#seen === undefined) {
      this.#seen = String(required(this.#others.get(), 'the version of the data').data_version);
      setImmediate(() => {
        this.#seen = undefined;
      });
    }
    return this.#seen;
  }
}
