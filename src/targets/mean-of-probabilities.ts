import { add, scale, sumOf } from '../graph/operations/elementwise.ts';
import { constant, type Value } from '../graph/value.ts';

/** Keeps a logarithm finite where every modality is certain. */
const tiny = 1e-30;

/** The mean of probabilities [B, C], above zero. */
export function meanOfProbabilities(probabilities: readonly Value[]): Value {
  return add(scale(sumOf(probabilities), 1 / probabilities.length), constant(tiny));
}
