import { performance } from 'node:perf_hooks';
import { withTimeLimit } from '../cancellation.ts';

/** What has to answer: the predictor, whose encoders do, or the heads. */
export interface Checked {
  /** When each part last answered a batch, on the clock of `performance.now()`. */
  readonly lastBatch: Readonly<Record<string, number>>;
  /** When a model was last being loaded, on the same clock: this moment while one is, which keeps an engine from answering. */
  readonly lastLoad?: number;
  /** Runs something trivial. @throws where it is not answered */
  check(signal: AbortSignal): Promise<unknown>;
}

export interface ReadinessOptions {
  /** How long an answered batch counts, in milliseconds. */
  freshness?: number;
  /** How long the inference that proves readiness may take, in milliseconds. */
  timeout?: number;
  /** What answers, in words. */
  what?: string;
  /** Told why the server is not ready. */
  onFailure?(error: unknown): void;
}

/**
 * Whether predictions are answered, said within a second or two whatever waits. A server is ready while each of its
 * encoders answered a batch a moment ago: a busy one that makes progress is, however long its queues are. An encoder that
 * has not is idle or stuck, so both encode something trivial, ahead of everything that waits; where they don't answer in
 * time the server is not ready, unless a model is being loaded, which takes an engine for as long. However many ask at
 * once, one such inference runs.
 * @example
 * const readiness = new Readiness(predictor);
 * if (!(await readiness.ready())) response.status(503);
 */
export class Readiness {
  readonly #checked: Checked;
  readonly #what: string;
  readonly #freshness: number;
  readonly #timeout: number;
  readonly #onFailure: ReadinessOptions['onFailure'];
  #checking: Promise<boolean> | undefined;

  constructor(
    checked: Checked,
    { freshness = 10_000, timeout = 1_500, what = 'the encoders', onFailure }: ReadinessOptions = {},
  ) {
    this.#checked = checked;
    this.#what = what;
    this.#freshness = freshness;
    this.#timeout = timeout;
    this.#onFailure = onFailure;
  }

  async ready(): Promise<boolean> {
    const oldest = Math.min(...Object.values(this.#checked.lastBatch));
    if (performance.now() - oldest < this.#freshness || this.#hasLoaded()) return true;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** Whether a model was being loaded since a moment; by default, whether one is. */
  #hasLoaded(since = performance.now()): boolean {
    return (this.#checked.lastLoad ?? Number.NEGATIVE_INFINITY) >= since;
  }

  async #check(): Promise<boolean> {
    const began = performance.now();
    const late = new Error(`${this.#what} did not answer within ${this.#timeout} ms`);
    try {
      await withTimeLimit({ milliseconds: this.#timeout, late: () => late }, (signal) =>
        this.#checked.check(signal),
      );
      return true;
    } catch (error) {
      if (error === late && this.#hasLoaded(began)) return true;
      this.#onFailure?.(error);
      return false;
    }
  }
}
