import { setImmediate } from 'node:timers/promises';

/** Milliseconds that work on the main thread may go on before other work gets its turn. */
const slice = 10;

/**
 * Shares the main thread: lets everything else that is due run, once a slice of time is used up. Promises alone don't: a
 * loop over what is there already runs to its end before any request is read.
 * @example
 * const turns = new TimeSlice();
 * for (const item of items) { work(item); await turns.share(); }
 */
export class TimeSlice {
  #since = performance.now();

  /** Waits for the next turn of the event loop, where this one has taken long enough. */
  async share(): Promise<void> {
    if (performance.now() - this.#since < slice) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
