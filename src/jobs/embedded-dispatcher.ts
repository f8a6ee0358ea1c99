import { setTimeout } from 'node:timers/promises';
import type { Dispatcher } from './dispatcher.ts';
import type { JobStore } from './job-store.ts';

/** Milliseconds. */
const failurePause = 1000;

/** The dispatcher of a server that has its database to itself: it looks for the next job whenever one may be there. */
export class EmbeddedDispatcher implements Dispatcher {
  readonly #jobs: JobStore;
  readonly #atOnce: number;
  readonly #running = new Map<string, Promise<void>>();
  #run: ((id: string) => Promise<void>) | undefined;
  #looking: Promise<void> | undefined;
  #lookAgain = false;

  /** @param atOnce jobs that run side by side */
  constructor(jobs: JobStore, atOnce: number) {
    this.#jobs = jobs;
    this.#atOnce = atOnce;
  }

  async offer(): Promise<void> {}

  async recover(): Promise<void> {}

  async start(run: (id: string) => Promise<void>): Promise<void> {
    this.#run = run;
    this.wake();
  }

  wake(): void {
    this.#lookAgain = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  async close(): Promise<void> {
    this.#run = undefined;
    await this.#looking;
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
          .catch(() => setTimeout(failurePause, undefined, { ref: false }))
          .finally(() => {
            this.#running.delete(id);
            this.wake();
          });
        this.#running.set(id, running);
      }
    }
  }
}
