import { TandemError } from '../errors.ts';

/**
 * Calls in flight, so that what they use is freed after them.
 * @example
 * const calls = new Calls();
 * const { list } = calls.counted({ list: async () => registry.list() });
 * calls.close();
 * await calls.ended();
 */
export class Calls {
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  /** Aborts when no more calls are taken. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The same methods, which are waited for, and refused once it is closed. */
  counted<Methods extends object>(methods: Methods): Methods {
    for (const [name, method] of Object.entries(methods))
      if (typeof method === 'function')
        Reflect.set(methods, name, (...given: unknown[]) => this.run(async () => method(...given)));
    return methods;
  }

  /** @throws TandemError `closed`; what the work throws */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.closing.aborted) throw new TandemError('closed', 'it was closed before this was asked of it');
    const call = work();
    this.#inFlight.add(call);
    try {
      return await call;
    } finally {
      this.#inFlight.delete(call);
    }
  }

  /** From now on calls are refused; those in flight go on. */
  close(): void {
    this.#closing.abort();
  }

  /** Waits for the calls in flight, however they end. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }
}
