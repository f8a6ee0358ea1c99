/**
 * Weights under which every label counts the same in all: examples / (labels × examples of its label), 1 on average
 * (King and Zeng 2001).
 * @param labels index of each example's label
 * @returns the weight of each example
 * @example balancedWeights([0, 0, 0, 1]); // [2/3, 2/3, 2/3, 2]
 */
export function balancedWeights(labels: ArrayLike<number>): Float32Array {
  const counts = new Map<number, number>();
  for (let row = 0; row < labels.length; row++) counts.set(labels[row], (counts.get(labels[row]) ?? 0) + 1);
  return Float32Array.from(labels, (label) => labels.length / (counts.size * counts.get(label)!));
}
