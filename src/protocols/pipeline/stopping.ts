/**
 * How far a server's stop has come, for what takes requests. While it drains, `/readyz` answers 503 and everything else is
 * answered as before, so that a balancer turns elsewhere before anybody is refused. Then the listeners close, and streams
 * of events end, so that their readers come back elsewhere.
 * @example
 * const stopping = new Stopping();
 * const app = createApp(services, { …, stopping });
 * stopping.drain();
 * stopping.close();
 */
export class Stopping {
  readonly #closing = new AbortController();
  #isDraining = false;

  /** From now on the server is not ready, and its answers end their connections. */
  drain(): void {
    this.#isDraining = true;
  }

  /** From now on what would go on for long ends. */
  close(): void {
    this.drain();
    this.#closing.abort(new Error('the server stops'));
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Aborts when the listeners close. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }
}
