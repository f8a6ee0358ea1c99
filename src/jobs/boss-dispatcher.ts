import type { Transaction } from 'kysely';
import { fromKysely, PgBoss } from 'pg-boss';
import { boundedPool } from '../store/database/bounded-client.ts';
import type { Tables } from '../store/database/database.ts';
import { readAddress } from '../store/database/postgres.ts';
import type { Dispatcher } from './dispatcher.ts';

const queue = 'fine-tuning';
/** A server that is not heard of for so many seconds has lost its job to the next. */
const heartbeatSeconds = 20;
/** Seconds between two looks at who is not heard of any more, and at what is new. */
const superviseSeconds = 10;
const pollingSeconds = 2;
/** A fine-tuning goes on from its checkpoint whenever it is taken from a server; this only bounds a hopeless one. */
const mostServers = 100;
/** The longest that pg-boss allows: twenty-four hours; then another attempt goes on from the last checkpoint. */
const expireInSeconds = 24 * 3600 - 1;
const connections = 3;

/** The dispatcher of servers that share a Postgres: pg-boss, whose tables lie in a schema beside this program's. */
export class BossDispatcher implements Dispatcher {
  readonly #boss: PgBoss;
  readonly #atOnce: number;
  #worker: string | undefined;

  private constructor(boss: PgBoss, atOnce: number) {
    this.#boss = boss;
    this.#atOnce = atOnce;
  }

  /**
   * @param address see `openPostgres`
   * @param onError told what goes wrong behind the scenes, as while the database is away
   */
  static async open(
    address: string,
    atOnce: number,
    onError: (error: Error) => void,
  ): Promise<BossDispatcher> {
    const { connectionString, schema } = readAddress(address);
    const boss = new PgBoss({
      ...boundedPool(),
      connectionString,
      schema: `${schema}_queue`,
      max: connections,
      schedule: false,
      superviseIntervalSeconds: superviseSeconds,
      monitorIntervalSeconds: superviseSeconds,
    });
    boss.on('error', onError);
    await boss.start();
    const settings = { retryLimit: mostServers, retryDelay: 0, expireInSeconds, heartbeatSeconds };
    await boss.createQueue(queue, settings);
    await boss.updateQueue(queue, settings);
    return new BossDispatcher(boss, atOnce);
  }

  async offer(transaction: Transaction<Tables>, id: string, priority: number): Promise<void> {
    const db = fromKysely(transaction);
    // Of a job that is tried again there is an earlier one.
    await this.#boss.deleteJob(queue, id, { db });
    await this.#boss.send(queue, { id }, { id, priority, db });
  }

  async start(run: (id: string) => Promise<void>): Promise<void> {
    this.#worker = await this.#boss.work<{ id: string }>(
      queue,
      { batchSize: 1, localConcurrency: this.#atOnce, pollingIntervalSeconds: pollingSeconds },
      async ([job]) => run(job.data.id),
    );
  }

  wake(): void {
    if (this.#worker !== undefined) this.#boss.notifyWorker(this.#worker);
  }

  async recover(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#boss.fail(queue, [...ids]);
  }

  close(): Promise<void> {
    return this.#boss.stop({ graceful: true });
  }
}
