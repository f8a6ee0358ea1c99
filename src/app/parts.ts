import { TandemError } from '../errors.ts';

/**
 * Parts that are opened when they are first needed, each once, and closed together, the last opened first.
 * @example
 * const parts = new Parts();
 * const store = parts.add(async (closing) => closing.use(await openStore(options)));
 * const registry = parts.add(async () => new HeadRegistry(await store()));
 * await parts.close();
 */
export class Parts {
  readonly #opened = new AsyncDisposableStack();
  readonly #opening = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /**
   * Adds a part.
   * @param open opens it; what it adds to `closing` is closed with all parts, or at once where it throws
   * @returns what gives the part, and throws TandemError `closed` once the parts are closed; where it cannot be opened the
   * next call tries again
   */
  add<Part>(open: (closing: AsyncDisposableStack) => Promise<Part>): () => Promise<Part> {
    let part: Promise<Part> | undefined;
    return async () => {
      if (this.#closing) throw new TandemError('closed', 'it was closed before this was asked of it');
      if (!part) {
        const opening = this.#open(open);
        part = opening;
        this.#opening.add(opening);
        opening
          .catch(() => {
            part = undefined;
          })
          .finally(() => this.#opening.delete(opening));
      }
      return part;
    };
  }

  /** Closes what was opened, and waits first for what is being opened. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.allSettled(this.#opening);
      await this.#opened.disposeAsync();
    })();
    return this.#closing;
  }

  async #open<Part>(open: (closing: AsyncDisposableStack) => Promise<Part>): Promise<Part> {
    await using closing = new AsyncDisposableStack();
    const part = await open(closing);
    this.#opened.use(closing.move());
    return part;
  }
}
