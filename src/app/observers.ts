import type { EncoderEvents } from '../encoders/encoders.ts';
import type { InferenceObserver } from '../encoders/telemetry.ts';
import type { Job } from '../jobs/job.ts';
import type { EngineEvents } from '../runtime/engine-pool.ts';

type Observer = InferenceObserver & EncoderEvents & { job?(job: Job): void };

/**
 * Tells every observer that was added what inference does and what becomes of the engines. They may come after the engines
 * have started.
 * @example
 * const observers = new Observers();
 * observers.add(metrics);
 * observers.stage('decode', 3);
 */
export class Observers implements Required<InferenceObserver> {
  readonly #all = new Set<Observer>();

  /** @returns what removes it */
  add(observer: Observer): () => void {
    this.#all.add(observer);
    return () => void this.#all.delete(observer);
  }

  readonly stage: Required<InferenceObserver>['stage'] = (stage, milliseconds) => {
    for (const observer of this.#all) observer.stage?.(stage, milliseconds);
  };

  readonly batch: Required<InferenceObserver>['batch'] = (encoder, items) => {
    for (const observer of this.#all) observer.batch?.(encoder, items);
  };

  readonly lookup: Required<InferenceObserver>['lookup'] = (encoder, hit) => {
    for (const observer of this.#all) observer.lookup?.(encoder, hit);
  };

  /** A job has reached a state. */
  readonly job: Required<Observer>['job'] = (job) => {
    for (const observer of this.#all) observer.job?.(job);
  };

  /** What an engine pool tells. */
  readonly engineEvents: Required<EngineEvents> = {
    onLoss: (error) => {
      for (const observer of this.#all) observer.onLoss?.(error);
    },
    onOutOfMemory: (error) => {
      for (const observer of this.#all) observer.onOutOfMemory?.(error);
    },
  };

  /** What encoders tell, and their engines. */
  readonly encoderEvents: Required<EncoderEvents> = {
    ...this.engineEvents,
    onLoad: (encoder) => {
      for (const observer of this.#all) observer.onLoad?.(encoder);
    },
    onEvict: (encoder) => {
      for (const observer of this.#all) observer.onEvict?.(encoder);
    },
  };
}
