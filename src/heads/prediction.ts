import type { Input } from '../modalities/modality.ts';
import type { ModalityName } from '../modalities/registry.ts';

/** One item to classify: the bytes of an image file (JPEG, PNG, WebP), a text, or both. */
export interface PredictionInput {
  content?: Partial<Record<ModalityName, Input>>;
  /** Features that the caller has already, of the head's own encoders; they stand in for the content. */
  features?: Partial<Record<ModalityName, Float32Array>>;
}

/** An item whose features are asked for. */
export interface EmbeddedItem {
  modality: ModalityName;
  input: Input;
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
  /** Milliseconds spent preparing: decoding the image and tokenizing the text. */
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
  modalities: ModalityName[];
  /** The shared auxiliary predictor's opinion of each modality present. */
  unimodal: Partial<Record<ModalityName, Opinion>>;
  timings: Timings;
}
