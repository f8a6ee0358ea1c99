import { performance } from 'node:perf_hooks';
import { TandemError } from '../errors.ts';
import { itemAt } from '../indexing.ts';

export interface BatcherOptions<Item, Result> {
  /**
   * Runs a batch; results in the order of the items.
   * @param take gives the batch, the same one however often it is called: call it when the run can start, because
   * until then it grows. It is empty where every caller has left.
   */
  run(take: () => readonly Item[]): Promise<readonly Result[]>;
  /** What a batch may cost together; an item that alone costs more runs alone. */
  budget: number;
  /** What an item costs: its length, for items that are padded to the longest of their batch; default: 1. */
  costOf?(item: Item): number;
  /**
   * What a run costs beside its items, in their measure: an item joins a batch only where the padding that it brings
   * costs no more than a run of its own would. Infinite by default: then padding is no matter.
   */
  overhead?: number;
  /** Items that may wait; more are refused, but for those that may wait for as long as it takes. */
  maximumQueue: number;
  /** Milliseconds that an item waits for company before it asks for its turn; default: 0. */
  maximumWait?: number;
  /** Told of every batch. */
  onBatch?(batch: { items: number; milliseconds: number }): void;
}

export interface Batched<Result> {
  result: Result;
  /** Milliseconds from submission until the batch started. */
  queued: number;
  /** Milliseconds that the batch ran. */
  ran: number;
}

export interface SubmitOptions {
  /** Takes the item out of the queue; one that runs already is finished and forgotten. */
  signal?: AbortSignal;
  /** Not refused where the queue is full, and in nobody's way there; the caller bounds how many they are. */
  mayWait?: boolean;
  /** Goes before everything that waits, and is not refused: for the few items that prove that the server works. */
  urgent?: boolean;
  /**
   * Runs where nothing else waits, alone, and no two of the kind at a time, so that others wait for one such item at most.
   * After a second it waits like everything else. It is never refused; the caller bounds how many they are.
   */
  background?: boolean;
}

interface Waiting<Item, Result> extends SubmitOptions {
  item: Item;
  cost: number;
  since: number;
  resolve(batched: Batched<Result>): void;
  reject(error: unknown): void;
}

/** Milliseconds after which an item of the background waits like everything else. */
const backgroundPatience = 1000;

/**
 * Dynamic batching: whatever waits when a runner becomes free makes the next batch. Under light load a request never
 * waits for company, under heavy load batches fill by themselves.
 * @example
 * const batcher = new Batcher({ run: encoder.encode, budget: 16, maximumQueue: 512 });
 * const { result } = await batcher.submit(pixels, { signal });
 */
export class Batcher<Item, Result> {
  readonly #options: BatcherOptions<Item, Result>;
  readonly #queue: Waiting<Item, Result>[] = [];
  /** Items that go where the queue is empty. */
  readonly #background: Waiting<Item, Result>[] = [];
  /** Batches of the background that run. */
  #backgroundRuns = 0;
  /** True from asking for a turn until it is taken. */
  #asking = false;
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds from one finished item to the next under load, smoothed: what `Retry-After` is computed from. */
  #pace = 10;
  #lastFinish = Number.NEGATIVE_INFINITY;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Items that wait. */
  get waiting(): number {
    return this.#queue.length + this.#background.length;
  }

  /**
   * @throws TandemError `overloaded` at once where the queue is full; the signal's reason where it aborts
   */
  async submit(item: Item, options: SubmitOptions = {}): Promise<Batched<Result>> {
    const { signal, mayWait = false, urgent = false, background = false } = options;
    signal?.throwIfAborted();
    this.admit(options);
    const { promise, resolve, reject } = Promise.withResolvers<Batched<Result>>();
    const cost = this.#options.costOf?.(item) ?? 1;
    const since = performance.now();
    const waiting = { item, cost, signal, mayWait: mayWait || background, urgent, since, resolve, reject };
    const abandon = () => this.#abandon(waiting);
    if (urgent) this.#queue.unshift(waiting);
    else if (background) this.#background.push(waiting);
    else this.#queue.push(waiting);
    signal?.addEventListener('abort', abandon);
    this.#wake();
    // A signal may outlive the item by far, and would keep it.
    return promise.finally(() => signal?.removeEventListener('abort', abandon));
  }

  /**
   * Refuses an item where the queue is full.
   * @param onTheWay items that are still prepared for this queue, and count as if they were in it
   * @throws TandemError `overloaded`
   */
  admit({ mayWait, urgent, background }: SubmitOptions, onTheWay = 0): void {
    if (mayWait || urgent || background || this.#refusable() + onTheWay < this.#options.maximumQueue) return;
    const items = this.#queue.length + onTheWay;
    const retryAfter = Math.max(1, Math.ceil((items * this.#pace) / 1000));
    throw new TandemError('overloaded', `${items} items are waiting`, { retryAfter });
  }

  #refusable(): number {
    return this.#queue.reduce((count, { mayWait }) => count + Number(!mayWait), 0);
  }

  #abandon(waiting: Waiting<Item, Result>): void {
    for (const queue of [this.#queue, this.#background]) {
      const place = queue.indexOf(waiting);
      if (place >= 0) queue.splice(place, 1);
    }
    waiting.reject(waiting.signal?.reason);
  }

  /** Asks for a turn, at once or when the oldest item has waited long enough. */
  #wake(): void {
    const [oldest] = this.#next();
    if (this.#asking || !oldest) return;
    const { maximumWait = 0, budget } = this.#options;
    const { since, urgent } = oldest;
    const waited = performance.now() - since;
    const isFull = () => this.#queue.reduce((sum, { cost }) => sum + cost, 0) >= budget;
    clearTimeout(this.#timer);
    if (urgent || waited >= maximumWait || isFull()) void this.#runNext();
    else this.#timer = setTimeout(() => this.#wake(), maximumWait - waited);
  }

  async #runNext(): Promise<void> {
    this.#asking = true;
    let batch: Waiting<Item, Result>[] | undefined;
    let [started, isBackground] = [0, false];
    const begin = () => {
      if (batch) return batch;
      const candidates = this.#next();
      isBackground = candidates !== this.#queue;
      this.#backgroundRuns += Number(isBackground);
      batch = this.#takeBatch(candidates);
      started = performance.now();
      this.#asking = false;
      this.#wake();
      return batch;
    };
    try {
      const results = await this.#options.run(() => begin().map(({ item }) => item));
      if (!batch || batch.length === 0) return;
      if (results.length !== batch.length)
        throw new Error(`a batch of ${batch.length} has ${results.length} results`);
      const ended = performance.now();
      const ran = ended - started;
      const since = Math.max(started, this.#lastFinish);
      this.#lastFinish = ended;
      this.#pace = 0.8 * this.#pace + 0.2 * ((ended - since) / batch.length);
      this.#options.onBatch?.({ items: batch.length, milliseconds: ran });
      for (const [index, result] of results.entries()) {
        const { resolve, since } = itemAt(batch, index);
        resolve({ result, queued: started - since, ran });
      }
    } catch (error) {
      // A runner that fails before it takes a batch fails the one that it would have taken.
      for (const { reject } of begin()) reject(error);
    } finally {
      if (isBackground) {
        this.#backgroundRuns--;
        this.#wake();
      }
    }
  }

  /** What the next batch is made of: the queue, or one item of the background where it is empty. */
  #next(): Waiting<Item, Result>[] {
    const latest = performance.now() - backgroundPatience;
    while ((this.#background[0]?.since ?? Number.POSITIVE_INFINITY) <= latest)
      this.#queue.push(...this.#background.splice(0, 1));
    return this.#queue.length > 0 || this.#backgroundRuns > 0 ? this.#queue : this.#background.slice(0, 1);
  }

  /**
   * The oldest item, and of the others those that are most like it in cost, as many as the budget takes and as are
   * cheaper in its company than in a run of their own.
   */
  #takeBatch([oldest, ...others]: readonly Waiting<Item, Result>[]): Waiting<Item, Result>[] {
    if (!oldest) return [];
    const { budget, overhead = Number.POSITIVE_INFINITY } = this.#options;
    const likeness = ({ cost }: Waiting<Item, Result>) => Math.abs(cost - oldest.cost);
    const batch = [oldest];
    let longest = oldest.cost;
    for (const waiting of others.sort((a, b) => likeness(a) - likeness(b))) {
      const padded = Math.max(longest, waiting.cost);
      const together = padded * (batch.length + 1);
      const apart = longest * batch.length + waiting.cost + overhead;
      if (together > budget || together > apart) continue;
      longest = padded;
      batch.push(waiting);
    }
    const taken = new Set(batch);
    for (const queue of [this.#queue, this.#background])
      queue.splice(0, queue.length, ...queue.filter((waiting) => !taken.has(waiting)));
    return batch;
  }
}
