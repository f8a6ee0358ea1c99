import { itemAt } from '../indexing.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import { targets } from '../targets/targets.ts';

/** No modality's part of the uncertainty counts as less than this share of an even one, as in training. */
export const leastShare = 0.6;
/** Keeps the shares finite where every answer is certain. */
export const tiny = 1e-12;

/**
 * The answer to an item that has some of a head's modalities: the mean of their own answers, each weighted as ARL weighs a
 * modality (docs/method.md, q): by the inverse of its uncertainty. Of numbers, which have no entropy, all count alike.
 * @param answers of the modalities that the item has, one or more; all of one length
 * @example answerOfKnown([Float64Array.of(0.9, 0.1), Float64Array.of(0.5, 0.5)], 'single') // nearer to the surer one
 */
export function answerOfKnown(answers: readonly Float64Array[], target: TargetKind): Float64Array {
  const first = itemAt(answers, 0);
  if (answers.length === 1) return first;
  const { entropy } = targets[target];
  const weights = sharesOf(answers.map((answer) => entropy?.(answer) ?? 1));
  const mean = new Float64Array(first.length);
  for (const [index, answer] of answers.entries()) {
    const weight = itemAt(weights, index);
    for (const [place, value] of answer.entries()) mean[place] = (mean[place] ?? Number.NaN) + weight * value;
  }
  return mean;
}

/** Inverse shares of the uncertainty, which sum to 1. */
function sharesOf(uncertainties: readonly number[]): number[] {
  const total = uncertainties.reduce((sum, value) => sum + value + tiny, 0);
  const inverse = uncertainties.map(
    (value) => 1 / Math.max((value + tiny) / total, leastShare / uncertainties.length),
  );
  const sum = inverse.reduce((all, value) => all + value, 0);
  return inverse.map((value) => value / sum);
}
