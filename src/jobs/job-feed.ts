import { EventEmitter, once } from 'node:events';
import { isOver, type JobEvent } from './job.ts';
import type { JobReader } from './job-reader.ts';

/** Milliseconds after which a reader of events looks whether another server has told of any. */
const pollingInterval = 1000;

/**
 * The events of jobs, as they are stored and as they come. Those of this server wake the readers at once.
 * @example for await (const { job } of new JobFeed(jobs).follow(id, 0, signal)) console.log(job.state);
 */
export class JobFeed {
  readonly #jobs: JobReader;
  readonly #changed = new EventEmitter().setMaxListeners(0);

  constructor(jobs: JobReader) {
    this.#jobs = jobs;
  }

  /** Wakes those who follow the job of an event that was stored. */
  tell({ job }: JobEvent): void {
    this.#changed.emit(job.id);
  }

  /** See `JobQueue.events`. @throws TandemError `unknown-job` */
  async *follow(id: string, lastEventId: number, signal: AbortSignal): AsyncGenerator<JobEvent> {
    let last = lastEventId;
    while (!signal.aborted) {
      // Before the reading, so that nothing is missed between the two.
      const patience = AbortSignal.any([signal, AbortSignal.timeout(pollingInterval)]);
      const woken = once(this.#changed, id, { signal: patience }).catch(() => {});
      const { state } = (await this.#jobs.get(id)).job;
      const events = await this.#jobs.events(id, last);
      for (const event of events) {
        last = event.id;
        yield event;
        if (signal.aborted) return;
      }
      // It may have been queued again since.
      if (isOver(events.at(-1)?.job.state ?? state)) return;
      await woken;
    }
  }
}
