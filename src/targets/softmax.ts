/** Probabilities from one row of logits. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const row = Float64Array.from(logits);
  const largest = row.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const weights = row.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
