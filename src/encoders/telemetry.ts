import type { Modality } from '../modalities/modality.ts';

/** A stretch of the way of a request. */
export const stages = ['decode', 'tokenize', 'queue', 'encode', 'head'] as const;
export type Stage = (typeof stages)[number];

/** Whoever wants to know what inference does. Nothing here tells what a picture or a text is. */
export interface InferenceObserver {
  /** Milliseconds that an item, or a batch of a head's, spent in a stage. */
  stage?(stage: Stage, milliseconds: number): void;
  /** A batch that an encoder was given. */
  batch?(modality: Modality, items: number): void;
  /** Whether an item's features were remembered. */
  lookup?(modality: Modality, hit: boolean): void;
}

/** Tells several observers the same. */
export function observeBy(...observers: readonly InferenceObserver[]): InferenceObserver {
  return {
    stage: (...given) => {
      for (const observer of observers) observer.stage?.(...given);
    },
    batch: (...given) => {
      for (const observer of observers) observer.batch?.(...given);
    },
    lookup: (...given) => {
      for (const observer of observers) observer.lookup?.(...given);
    },
  };
}
