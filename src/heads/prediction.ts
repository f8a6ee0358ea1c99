import type { Modality } from '../modalities/modality.ts';

/** One item to classify: encoded picture bytes (JPEG, PNG, WebP), text, or both. */
export interface PredictionInput {
  image?: Uint8Array;
  text?: string;
  /** Features that the caller has already, of the head's own encoders; they stand in for the picture or the text. */
  features?: Partial<Record<Modality, Float32Array>>;
}

export interface LabelProbability {
  label: string;
  probability: number;
  /** Of any of several labels: whether the head gives it, its probability being at its threshold or above. */
  given?: boolean;
}

export interface Opinion {
  /** In falling order of probability; empty where the head says a number. */
  labels: LabelProbability[];
  /** Probability of the first label. */
  confidence?: number;
  /** The number, in the unit that the head was taught. */
  value?: number;
}

export interface Timings {
  /** Milliseconds spent decoding the picture and tokenizing the text. */
  decode: number;
  /** Milliseconds spent waiting for a batch. */
  queue: number;
  /** Milliseconds in the encoders. */
  encode: number;
  /** Milliseconds in the head. */
  head: number;
}

/** The answer for one item: the fused opinion, and what each modality present says by itself. */
export interface Prediction extends Opinion {
  /** The modalities that the answer rests on. */
  modalities: Modality[];
  /** The shared auxiliary predictor's opinion of each modality present. */
  unimodal: Partial<Record<Modality, Opinion>>;
  timings: Timings;
}
