import { createHash } from 'node:crypto';
import type { Transaction } from 'kysely';
import pLimit, { type LimitFunction } from 'p-limit';
import { fromKysely, PgBoss } from 'pg-boss';
import { itemAt } from '../indexing.ts';
import { boundedPool } from '../store/database/bounded-client.ts';
import type { Tables } from '../store/database/database.ts';
import { readAddress } from '../store/database/postgres.ts';
import type { Dispatcher, RunJob } from './dispatcher.ts';
import type { OfferedJob } from './job-reader.ts';
import { claimOf, offerId } from './ownership.ts';
import type { JobTask, RequiredEncoders } from './task.ts';

/** A server that is not heard of for so many seconds has lost its job to the next. */
const heartbeatSeconds = 20;
/** Seconds between two looks at who is not heard of any more, and at what is new. */
const superviseSeconds = 10;
const pollingSeconds = 2;
/** A fine-tuning resumes from its checkpoint whenever it is taken from a server; this only bounds a hopeless one. */
const mostServers = 100;
/** The longest that pg-boss allows: twenty-four hours; then another attempt resumes from the last checkpoint. */
const expireInSeconds = 24 * 3600 - 1;
/** Seconds until a job is brought again after an error that nobody expected. */
const retryDelay = 1;
const connections = 3;

interface Offer {
  id: string;
  /** The job's token when it was offered. */
  base?: number;
}

export interface BossOptions {
  /** Jobs that run side by side. */
  atOnce: number;
  /** Of jobs that name none. Jobs that require others are brought once {@link BossDispatcher.serve} is told of them. */
  encoders?: RequiredEncoders;
  /** Told what goes wrong behind the scenes, as while the database is away. */
  onError(error: Error): void;
}

/**
 * The dispatcher of servers that share a Postgres: pg-boss, whose tables lie in a schema beside this program's. Jobs for
 * the same encoders share a queue, and a server takes jobs from the queues of encoders that it has.
 */
export class BossDispatcher implements Dispatcher {
  readonly #boss: PgBoss;
  readonly #options: BossOptions;
  readonly #queues = new Map<string, Promise<void>>();
  /** What takes jobs from each queue. */
  readonly #workers = new Map<string, Promise<string>>();
  /** However many queues they come from. */
  readonly #turns: LimitFunction | undefined;
  #run: RunJob | undefined;

  private constructor(boss: PgBoss, options: BossOptions) {
    this.#boss = boss;
    this.#options = options;
    this.#turns = options.atOnce > 0 ? pLimit(options.atOnce) : undefined;
  }

  /** @param address see `openPostgres` */
  static async open(address: string, options: BossOptions): Promise<BossDispatcher> {
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
    boss.on('error', options.onError);
    await boss.start();
    const dispatcher = new BossDispatcher(boss, options);
    await dispatcher.#makeQueue(queueOf(options.encoders));
    return dispatcher;
  }

  async offer(transaction: Transaction<Tables>, { id, priority, token, task }: OfferedJob, delay = 0) {
    const queue = this.#queueFor(task);
    await this.#makeQueue(queue);
    const offer: Offer = { id, base: token };
    await this.#boss.send(queue, offer, {
      id: offerId({ id, token }),
      priority,
      db: fromKysely(transaction),
      // Counted by the database's clock.
      ...(delay > 0 && { startAfter: delay }),
    });
  }

  async start(run: RunJob): Promise<void> {
    this.#run = run;
    await this.#work(queueOf(this.#options.encoders));
  }

  async serve(encoders: RequiredEncoders): Promise<void> {
    await this.#work(queueOf(encoders));
  }

  wake(): void {
    for (const working of this.#workers.values())
      working.then(
        (worker) => this.#boss.notifyWorker(worker),
        () => {},
      );
  }

  async restore(waiting: readonly OfferedJob[]): Promise<void> {
    for (const { id, priority, token, task } of waiting) {
      const queue = this.#queueFor(task);
      await this.#makeQueue(queue);
      const [found] = await this.#boss.findJobs(queue, { id: offerId({ id, token }) });
      if (found && ['created', 'retry', 'active'].includes(found.state)) continue;
      const offer: Offer = { id, base: token };
      if (found) await this.#boss.deleteJob(queue, found.id);
      await this.#boss.send(queue, offer, { id: offerId({ id, token }), priority });
    }
  }

  async stop(): Promise<void> {
    this.#run = undefined;
    for (const queue of this.#workers.keys()) await this.#boss.offWork(queue, { wait: false });
    this.#workers.clear();
  }

  close(): Promise<void> {
    return this.#boss.stop({ graceful: true });
  }

  /** Jobs of an earlier release name no encoders. */
  #queueFor({ encoders = this.#options.encoders }: JobTask): string {
    return queueOf(encoders);
  }

  /** Takes jobs from a queue from now on. */
  async #work(queue: string): Promise<void> {
    const [run, turns] = [this.#run, this.#turns];
    if (!run || !turns) return;
    const take = async () => {
      await this.#makeQueue(queue);
      return this.#boss.work<Offer>(
        queue,
        {
          batchSize: 1,
          localConcurrency: this.#options.atOnce,
          pollingIntervalSeconds: pollingSeconds,
        },
        async (batch) => {
          const { data, retryCount } = itemAt(batch, 0);
          const claim = data.base === undefined ? undefined : claimOf(data.base, retryCount);
          await turns(() => run(data.id, claim));
        },
      );
    };
    const working = this.#workers.get(queue) ?? take();
    this.#workers.set(queue, working);
    await working.catch((error) => {
      this.#workers.delete(queue);
      throw error;
    });
  }

  #makeQueue(queue: string): Promise<void> {
    const known = this.#queues.get(queue);
    if (known) return known;
    const make = async () => {
      const settings = { retryLimit: mostServers, retryDelay, expireInSeconds, heartbeatSeconds };
      await this.#boss.createQueue(queue, settings);
      await this.#boss.updateQueue(queue, settings);
    };
    const made = make();
    this.#queues.set(queue, made);
    made.catch(() => this.#queues.delete(queue));
    return made;
  }
}

/** The queue of the jobs that require certain encoders. */
function queueOf(encoders: RequiredEncoders | undefined): string {
  if (!encoders) return 'fine-tuning';
  const fingerprints = Object.entries(encoders)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([modality, { fingerprint }]) => `${modality} ${fingerprint}`);
  return `fine-tuning-${createHash('sha256').update(fingerprints.join()).digest('hex').slice(0, 12)}`;
}
