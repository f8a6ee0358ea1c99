import { itemAt } from '../indexing.ts';

export interface LabelProbability {
  label: string;
  probability: number;
  /** Multi-label: whether the label is predicted, its probability being at its threshold or above. */
  given?: boolean;
}

/** What a row of a head's answers means. */
export interface TargetPrediction {
  /** In falling order of probability; empty where a number is predicted. */
  labels: LabelProbability[];
  /** Probability of the first label. */
  confidence?: number;
  /** The number, in the unit that the head was taught. */
  value?: number;
}

/** What decides how a row of a head's answers reads. */
export interface PredictionOptions {
  /** The head's labels, in the order of the answer. */
  labels: readonly string[];
  /** Most labels to name; where several are predicted, all of them are named. */
  topK: number;
  /** Multi-label: the probability from which each label is predicted. */
  thresholds(): readonly number[];
}

/** Indices of an answer, the likeliest label first. */
export function byProbability(answer: Float64Array): number[] {
  return [...answer.keys()].sort((a, b) => itemAt(answer, b) - itemAt(answer, a));
}
