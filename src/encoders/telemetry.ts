import type { Encoder } from './encoder.ts';

/** What names an encoder to people. */
export type NamedEncoder = Pick<Encoder, 'id' | 'modality'>;

/** Observes inference: durations, batches and cache hits, never content. */
export interface InferenceObserver {
  /**
   * Milliseconds that an item, or a batch of a head's, spent in a stage: its modality's own, in which it is prepared,
   * then `queue`, `encode` and `head`.
   */
  stage?(stage: string, milliseconds: number): void;
  /** A batch that an encoder was given. */
  batch?(encoder: NamedEncoder, items: number): void;
  /** Whether an item's features were remembered. */
  lookup?(encoder: NamedEncoder, hit: boolean): void;
}
