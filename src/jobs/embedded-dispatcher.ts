import { setTimeout as pause } from 'node:timers/promises';
import type { Dispatcher, RunJob } from './dispatcher.ts';
import type { JobReader } from './job-reader.ts';

/** Milliseconds. */
const failurePause = 1000;

/** The dispatcher of a server that has its database to itself: it looks for the next job whenever one may be there. */
export class EmbeddedDispatcher implements Dispatcher {
  readonly #jobs: JobReader;
  readonly #atOnce: number;
  readonly #running = new Map<string, Promise<void>>();
  #run: RunJob | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #due: NodeJS.Timeout | undefined;

  /** @param atOnce jobs that run side by side */
  constructor(jobs: JobReader, atOnce: number) {
    this.#jobs = jobs;
    this.#atOnce = atOnce;
  }

  async offer(): Promise<void> {}

  async restore(): Promise<void> {}

  /** All jobs are this server's. */
  async serve(): Promise<void> {}

  async start(run: RunJob): Promise<void> {
    this.#run = run;
    this.wake();
  }

  wake(): void {
    this.#lookAgain = true;
    this.#looking ??= this.#look()
      .catch(() => this.#lookIn(failurePause))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async stop(): Promise<void> {
    this.#run = undefined;
    clearTimeout(this.#due);
    await this.#looking;
  }

  async close(): Promise<void> {
    await this.stop();
    await Promise.all(this.#running.values());
  }

  async #look(): Promise<void> {
    while (this.#lookAgain) {
      this.#lookAgain = false;
      while (this.#run && this.#running.size < this.#atOnce) {
        const id = await this.#jobs.next([...this.#running.keys()]);
        if (id === undefined || !this.#run) break;
        const running = this.#run(id)
          // It is no use to begin again at once what went wrong just now.
          .catch(() => pause(failurePause, undefined, { ref: false }))
          .finally(() => {
            this.#running.delete(id);
            this.wake();
          });
        this.#running.set(id, running);
      }
      const delay = await this.#jobs.untilNext();
      if (delay !== undefined) this.#lookIn(delay);
    }
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#due);
    if (this.#run) this.#due = setTimeout(() => this.wake(), milliseconds).unref();
  }
}
