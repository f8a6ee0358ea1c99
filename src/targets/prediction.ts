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
  /** Between which numbers the true one lies, at the coverage that the head states. */
  interval?: { low: number; high: number };
}

/** What decides how a row of a head's answers reads. */
export interface PredictionOptions {
  /** The head's labels, in the order of the answer. */
  labels: readonly string[];
  /** Most labels to name; where several are predicted, all of them are named. */
  topK: number;
  /** Multi-label: the probability from which each label is predicted. */
  thresholds(): readonly number[];
  /** Numbers: how far the true one lies from the predicted one at most, at the coverage that the head states. */
  radius?: number;
}

/** What an answer decides, as a key that is the same for the same decision, and how probable it is that it is right. */
export interface Verdict {
  decision: string;
  certainty: number;
}

/** Indices of an answer, the likeliest label first. */
export function byProbability(answer: Float64Array): number[] {
  return [...answer.keys()].sort((a, b) => itemAt(answer, b) - itemAt(answer, a));
}
