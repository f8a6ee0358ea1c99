import type { CrossEntropyOptions, Loss } from '../graph/operations/loss.ts';
import type { ElementType, Shape, Value } from '../graph/value.ts';

/** A head's predictions against the ground truth. */
export interface Judgement extends Loss {
  /** What the logits stand for [B, C]: probabilities, or values. */
  predictions: Value;
  /** Entropy of the predictions, summed over the rows and weighted as the loss is; absent where they have none. */
  entropy?: Value;
}

/** What training asks of a target: how logits are held against the ground truth. */
export interface TargetLoss {
  /** The ground truth of a batch: one class index for each row, or a number for each column. */
  truth: { type: ElementType; shape(rows: number, columns: number): Shape };
  judge(logits: Value, truth: Value, options?: CrossEntropyOptions): Judgement;
  /** Logits whose predictions are the mean of those of several unimodal logits [B, C]. */
  average(unimodal: readonly Value[]): Value;
  /** [B]: 1 where the prediction is right, or the fraction of the columns that are; absent where nothing is right or wrong. */
  right?(logits: Value, truth: Value): Value;
}
