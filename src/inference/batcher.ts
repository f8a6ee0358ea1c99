import { performance } from 'node:perf_hooks';
import { TandemError } from '../errors.ts';

export interface BatcherOptions<Item, Result> {
  /** Runs a batch; results in the order of the items. */
  run(batch: readonly Item[]): Promise<Result[]>;
  maximumBatch: number;
  /** Items that may wait; more are refused. */
  maximumQueue: number;
}

export interface Batched<Result> {
  result: Result;
  /** Milliseconds from submission until the batch started. */
  queued: number;
  /** Milliseconds that the batch ran. */
  ran: number;
}

interface Waiting<Item, Result> {
  item: Item;
  signal?: AbortSignal;
  since: number;
  resolve(batched: Batched<Result>): void;
  reject(error: unknown): void;
}

/**
 * Dynamic batching without a timer: whatever waits when the runner becomes free makes the next batch. Under light load
 * a request never waits for company, under heavy load batches fill by themselves.
 * @example
 * const batcher = new Batcher({ run: encoder.encode, maximumBatch: 16, maximumQueue: 512 });
 * const { result } = await batcher.submit(pixels, signal);
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  readonly #queue: Waiting<Item, Result>[] = [];
  #running = false;
  /** Milliseconds per item, smoothed: what `Retry-After` is computed from. */
  #pace = 10;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /**
   * @param signal takes the item out of the queue; one that runs already is finished and forgotten
   * @throws TandemError `overloaded` at once where the queue is full; the signal's reason where it aborts
   */
  submit(item: Item, signal?: AbortSignal): Promise<Batched<Result>> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#queue.length >= this.#options.maximumQueue) {
      const retryAfter = Math.max(1, Math.ceil((this.#queue.length * this.#pace) / 1000));
      const detail = `${this.#queue.length} items are waiting`;
      return Promise.reject(new TandemError('overloaded', detail, { retryAfter }));
    }
    return new Promise((resolve, reject) => {
      const waiting: Waiting<Item, Result> = { item, signal, since: performance.now(), resolve, reject };
      this.#queue.push(waiting);
      signal?.addEventListener('abort', () => this.#abandon(waiting), { once: true });
      if (!this.#running) void this.#drain();
    });
  }

  #abandon(waiting: Waiting<Item, Result>): void {
    const place = this.#queue.indexOf(waiting);
    if (place >= 0) this.#queue.splice(place, 1);
    waiting.reject(waiting.signal?.reason);
  }

  async #drain(): Promise<void> {
    this.#running = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#options.maximumBatch);
      const started = performance.now();
      try {
        const results = await this.#options.run(batch.map(({ item }) => item));
        const ran = performance.now() - started;
        this.#pace = 0.8 * this.#pace + 0.2 * (ran / batch.length);
        for (const [index, { resolve, since }] of batch.entries())
          resolve({ result: results[index], queued: started - since, ran });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }
}
