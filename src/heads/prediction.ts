import type { Input } from '../modalities/modality.ts';
import type { GivenContent, ModalityName, PretrainedName } from '../modalities/registry.ts';
import type { TargetPrediction } from '../targets/prediction.ts';
import type { Explanation } from './explanation.ts';

/** One item to classify: the bytes of an image file (JPEG, PNG, WebP, GIF, TIFF, AVIF), a text, or both. */
export interface PredictionInput {
  content?: GivenContent;
  /** Features that the caller has already, of the head's own encoders; they stand in for the content. */
  features?: Partial<Record<PretrainedName, Float32Array>>;
}

/** An item whose features are asked for. */
export interface EmbeddedItem {
  modality: PretrainedName;
  input: Input;
  /** The encoder's id, or a head whose encoder it is, with its version: `pets@3`; the encoder of the settings by default. */
  encoder?: string;
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

/** Why an answer is not accepted. */
export type UnsureReason =
  /** Its probability is below the threshold. */
  | { reason: 'low-probability' }
  /** Two modalities are sure of different answers, each by itself. */
  | { reason: 'modalities-disagree' }
  /** What the item has of a modality resembles no training row. */
  | { reason: 'unlike-training'; modality: ModalityName };

/** Whether an answer may be relied on. */
export interface Decision {
  decision: 'accepted' | 'unsure';
  /** None where it is accepted. */
  reasons: UnsureReason[];
}

/** The answer for one item: the fused prediction, and that of each modality present alone. */
export interface Prediction extends TargetPrediction, Partial<Decision> {
  /** The modalities that the answer rests on. */
  modalities: ModalityName[];
  /** The shared auxiliary predictor's prediction from each modality present. */
  unimodal: Partial<Record<ModalityName, TargetPrediction>>;
  timings: Timings;
  /** What the answer rests on, where that was asked for. */
  explanation?: Explanation;
}
