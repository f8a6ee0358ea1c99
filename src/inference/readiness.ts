import { performance } from 'node:perf_hooks';
import type { Predictor } from './predictor.ts';

export interface ReadinessOptions {
  /** How long an answered batch counts, in milliseconds. */
  freshness?: number;
  /** How long the inference that proves readiness may take, in milliseconds. */
  timeout?: number;
  /** Told why the server is not ready. */
  onFailure?(error: unknown): void;
}

/**
 * Whether predictions are answered, said within a second or two whatever waits. A server is ready while each of its
 * encoders answered a batch a moment ago: a busy one that makes progress is, however long its queues are. An encoder that
 * has not is idle or stuck, so both encode something trivial, ahead of everything that waits; where they don't answer in
 * time the server is not ready. However many ask at once, one such inference runs.
 * @example
 * const readiness = new Readiness(predictor);
 * if (!(await readiness.ready())) response.status(503);
 */
export class Readiness {
  readonly #predictor: Pick<Predictor, 'lastBatch' | 'check'>;
  readonly #freshness: number;
  readonly #timeout: number;
  readonly #onFailure: ReadinessOptions['onFailure'];
  #checking: Promise<boolean> | undefined;

  constructor(
    predictor: Pick<Predictor, 'lastBatch' | 'check'>,
    { freshness = 10_000, timeout = 1_500, onFailure }: ReadinessOptions = {},
  ) {
    this.#predictor = predictor;
    this.#freshness = freshness;
    this.#timeout = timeout;
    this.#onFailure = onFailure;
  }

  async ready(): Promise<boolean> {
    const { image, text } = this.#predictor.lastBatch;
    if (performance.now() - Math.min(image, text) < this.#freshness) return true;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(): Promise<boolean> {
    const controller = new AbortController();
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`the encoders did not answer within ${this.#timeout} ms`);
      controller.abort(error);
      reject(error);
    }, this.#timeout);
    try {
      // A stage that hangs may not heed the signal.
      await Promise.race([this.#predictor.check(controller.signal), tooLate]);
      return true;
    } catch (error) {
      this.#onFailure?.(error);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}
