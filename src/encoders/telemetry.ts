import type { PretrainedName } from '../modalities/registry.ts';

/** Observes inference: durations, batches and cache hits, never content. */
export interface InferenceObserver {
  /**
   * Milliseconds that an item, or a batch of a head's, spent in a stage: its modality's own, in which it is prepared,
   * then `queue`, `encode` and `head`.
   */
  stage?(stage: string, milliseconds: number): void;
  /** A batch that an encoder was given. */
  batch?(modality: PretrainedName, items: number): void;
  /** Whether an item's features were remembered. */
  lookup?(modality: PretrainedName, hit: boolean): void;
}
