/** What can be classified. A request may carry either or both. */
export const modalities = ['image', 'text'] as const;
export type Modality = (typeof modalities)[number];

/** One item to classify: encoded picture bytes (JPEG, PNG, WebP), text, or both. */
export interface PredictionInput {
  image?: Uint8Array;
  text?: string;
}

export interface LabelProbability {
  label: string;
  probability: number;
}

/** Labels in falling order of probability, and the probability of the first. */
export interface Opinion {
  labels: LabelProbability[];
  confidence: number;
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
