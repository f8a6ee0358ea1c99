import { type Difference, mean, pairedDifference } from '../evaluation/paired-difference.ts';

/** By how much of the frozen head's loss tuning lowers it at least: a tuned head costs more than one that is not. */
const leastGain = 0.01;

/** What tuning did to the loss of examples that neither head was trained on. */
export interface TuningGain {
  /** Mean loss of either head. */
  heldOut: { frozen: number; tuned: number };
  /** Tuned minus frozen, example by example. */
  difference: Difference;
  /** Whether the loss fell by more than chance explains, and by a hundredth at least. */
  pays: boolean;
}

/**
 * Judges whether tuning pays, from the losses of the same held-out examples.
 * @throws RangeError where there are fewer than two
 * @example tuningGain([0.7, 0.8, 0.6], [0.2, 0.3, 0.1]).pays // true
 */
export function tuningGain(frozen: readonly number[], tuned: readonly number[]): TuningGain {
  const heldOut = { frozen: mean(frozen), tuned: mean(tuned) };
  const difference = pairedDifference(tuned, frozen, 0);
  const isLower = difference.isDifferent && heldOut.tuned <= (1 - leastGain) * heldOut.frozen;
  return { heldOut, difference, pays: isLower };
}
