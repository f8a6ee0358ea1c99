import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { RequestHandler } from 'express';
import { TandemError } from '../../errors.ts';

/** Milliseconds between two timers of the monitor, which is how exactly it measures. */
const resolution = 10;
/** Milliseconds that are judged together; two of them in a row must be late, so that one long pause sheds nothing. */
const defaultWindow = 500;
/** Seconds after which the server may have caught up. */
const retryAfter = 1;

/**
 * Refuses requests while the event loop is late, so that those that are taken are answered in time.
 * @example
 * const shedding = new LoadShedding({ maximumDelay: 500 });
 * app.use(shedding.handler);
 * shedding.close();
 */
export class LoadShedding {
  readonly #monitor = monitorEventLoopDelay({ resolution });
  readonly #timer: NodeJS.Timeout;
  readonly #maximumDelay: number;
  readonly #onShed: () => void;
  #lateWindows = 0;

  /**
   * @param options.maximumDelay milliseconds that the event loop may be late on average
   * @param options.window milliseconds that are judged together; 500 by default
   * @param options.onShed is told of every request that is refused
   */
  constructor({
    maximumDelay,
    window = defaultWindow,
    onShed = () => {},
  }: { maximumDelay: number; window?: number; onShed?: () => void }) {
    this.#maximumDelay = maximumDelay;
    this.#onShed = onShed;
    this.#monitor.enable();
    this.#timer = setInterval(() => this.#judge(), window).unref();
  }

  /** Refuses a request over HTTP. It throws as {@link check}. */
  readonly handler: RequestHandler<Record<string, string>> = (_request, _response, next) => {
    this.check();
    next();
  };

  /** @throws TandemError `overloaded` while the event loop is late */
  check(): void {
    if (this.#lateWindows < 2) return;
    this.#onShed();
    throw new TandemError(
      'overloaded',
      `the event loop is more than ${this.#maximumDelay} ms late (--max-loop-delay)`,
      { retryAfter },
    );
  }

  /** Stops measuring, and refuses nothing from now on. */
  close(): void {
    clearInterval(this.#timer);
    this.#monitor.disable();
    this.#lateWindows = 0;
  }

  #judge(): void {
    // So late that the monitor had no turn of its own.
    if (this.#monitor.count === 0) return;
    const delay = this.#monitor.mean / 1e6 - resolution;
    this.#monitor.reset();
    this.#lateWindows = delay > this.#maximumDelay ? this.#lateWindows + 1 : 0;
  }
}
