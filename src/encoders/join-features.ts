/**
 * Feature vectors one behind the other.
 * @example joinFeatures([Float32Array.of(1, 2), Float32Array.of(3)]) // [1, 2, 3]
 */
export function joinFeatures(vectors: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(vectors.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const vector of vectors) {
    joined.set(vector, at);
    at += vector.length;
  }
  return joined;
}
