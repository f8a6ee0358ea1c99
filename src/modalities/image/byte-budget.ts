interface Waiting {
  bytes: number;
  resolve(release: () => void): void;
}

/**
 * Memory that work of different weight shares. Whatever must wait is served in order, so that much work with little weight
 * does not starve the heavy.
 * @example
 * const release = await budget.take(150e6, signal);
 * try { await decode(); } finally { release(); }
 */
export class ByteBudget {
  readonly #total: number;
  #used = 0;
  readonly #waiting: Waiting[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  /** Takes bytes if they are free and nobody waits. What weighs more than all there is runs alone. */
  takeNow(bytes: number): (() => void) | undefined {
    return this.#waiting.length === 0 && this.#fits(bytes) ? this.#lend(bytes) : undefined;
  }

  /** Waits until they are free. @throws the signal's reason where it aborts */
  take(bytes: number, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiting = { bytes, resolve };
    const leave = () => {
      const place = this.#waiting.indexOf(waiting);
      if (place < 0) return;
      this.#waiting.splice(place, 1);
      reject(signal?.reason);
      this.#serve();
    };
    signal?.addEventListener('abort', leave);
    this.#waiting.push(waiting);
    this.#serve();
    return promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#total;
  }

  #lend(bytes: number): () => void {
    this.#used += bytes;
    return () => {
      this.#used -= bytes;
      this.#serve();
    };
  }

  #serve(): void {
    for (let [next] = this.#waiting; next && this.#fits(next.bytes); [next] = this.#waiting) {
      this.#waiting.shift();
      next.resolve(this.#lend(next.bytes));
    }
  }
}
