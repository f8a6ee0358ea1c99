import { type Difference, mean, pairedDifference } from '../evaluation/paired-difference.ts';
import { itemAt } from '../indexing.ts';

/** By how much of the frozen head's loss tuning lowers it at least: a tuned head costs more than one that is not. */
const leastGain = 0.01;

/** Of the normal distribution, for 95 % in all of 1, 2, 3 … intervals. */
const quantiles = [1.96, 2.241, 2.394, 2.498, 2.576, 2.638, 2.69, 2.734];

/** What tuning did to the loss of examples that neither head was trained on. */
export interface TuningGain {
  /** Mean loss of either head, and how sure their difference is. */
  heldOut: { frozen: number; tuned: number; difference: { mean: number; margin: number }; examples: number };
  /** Tuned minus frozen, example by example. */
  difference: Difference;
  /** Whether the loss fell by more than chance explains, and by a hundredth at least. */
  pays: boolean;
}

/**
 * Judges whether tuning pays, from the losses of the same held-out examples.
 * @param candidates how many were tried, of which this one is the best: the interval is widened for them (Bonferroni)
 * @throws RangeError where there are fewer than two
 * @example tuningGain([0.7, 0.8, 0.6], [0.2, 0.3, 0.1]).pays // true
 */
export function tuningGain(frozen: readonly number[], tuned: readonly number[], candidates = 1): TuningGain {
  const heldOut = { frozen: mean(frozen), tuned: mean(tuned) };
  const plain = pairedDifference(tuned, frozen, 0);
  const widening = itemAt(quantiles, Math.min(candidates, quantiles.length) - 1) / itemAt(quantiles, 0);
  const margin = widening * plain.margin;
  const difference = { ...plain, margin, isDifferent: Math.abs(plain.mean) > margin };
  const isLower = difference.isDifferent && heldOut.tuned <= (1 - leastGain) * heldOut.frozen;
  const certainty = { difference: { mean: plain.mean, margin }, examples: frozen.length };
  return { heldOut: { ...heldOut, ...certainty }, difference, pays: isLower };
}
