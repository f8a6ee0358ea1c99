import type { Store } from '../store/store.ts';
import { cleanArtifacts } from './clean-artifacts.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { JobStore } from './job-store.ts';
import { type JobEncoders, misfitOf } from './required-encoders.ts';
import type { JobRunner } from './runner.ts';

/** Milliseconds between two looks at what is not needed any more. */
const cleaningInterval = 3_600_000;
/** Milliseconds between two looks at which jobs this server can do, and which it leaves to others. */
const leavingInterval = 10_000;

interface UpkeepOptions {
  store: Store;
  encoders: JobEncoders;
  /** Told what goes wrong. */
  onError(error: Error): void;
}

interface UpkeepParts {
  jobs: JobStore;
  dispatcher: Dispatcher;
  runner: JobRunner;
}

/**
 * What a server does for its jobs from time to time, beside running them.
 * @example
 * const upkeep = new JobUpkeep({ store, encoders, onError }, { jobs, dispatcher, runner });
 * upkeep.start();
 */
export class JobUpkeep {
  readonly #options: UpkeepOptions;
  readonly #parts: UpkeepParts;
  readonly #tasks: { work: () => Promise<void>; interval: number }[];
  #intervals: NodeJS.Timeout[] = [];
  #isStopped = false;

  constructor(options: UpkeepOptions, parts: UpkeepParts) {
    this.#options = options;
    this.#parts = parts;
    const isShared = options.store.options.databaseUrl !== undefined;
    this.#tasks = [
      { work: () => this.#clean(), interval: cleaningInterval },
      ...(isShared ? [{ work: () => this.#serveWhatFits(), interval: leavingInterval }] : []),
    ];
  }

  /** Does all of it now, and then again and again. */
  start(): void {
    for (const { work } of this.#tasks) void this.#try(work);
    this.#intervals = this.#tasks.map(({ work, interval }) =>
      setInterval(() => void this.#try(work), interval).unref(),
    );
  }

  stop(): void {
    this.#isStopped = true;
    for (const interval of this.#intervals) clearInterval(interval);
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#isStopped) this.#options.onError(error as Error);
    }
  }

  /** Takes jobs for encoders that this server has, and writes down why a job waits that requires others. */
  async #serveWhatFits(): Promise<void> {
    const { jobs, dispatcher } = this.#parts;
    for (const { id, task } of await jobs.offered()) {
      const reason = await misfitOf(task, this.#options.encoders);
      if (reason === undefined && task.encoders) await dispatcher.serve(task.encoders);
      const { job } = reason === undefined ? {} : await jobs.get(id);
      if (job?.state === 'queued' && job.reason === undefined)
        await jobs.change(id, { states: ['queued'] }, { reason });
    }
  }

  /** Removes what jobs will not need again, and what came in for jobs that were never accepted. */
  async #clean(): Promise<void> {
    const { jobs, dispatcher, runner } = this.#parts;
    const { artifacts } = this.#options.store;
    const over = await cleanArtifacts(artifacts, jobs);
    await dispatcher.restore(await jobs.offered());
    await runner.removeFolders(over);
    await artifacts.removeStaleCopies();
  }
}
