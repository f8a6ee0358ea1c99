import type { ModalityName } from '../modalities/registry.ts';

/**
 * Features of one item; a modality that it lacks is absent. Where a head takes a companion's beside an encoder's, they follow
 * in the same array; without them they are those of an average item.
 */
export type ItemFeatures = Partial<Record<ModalityName, Float32Array>>;

/**
 * An encoder's features, and those of its companion behind them.
 * @example joinFeatures(Float32Array.of(1, 2), Float32Array.of(3)) // [1, 2, 3]
 */
export function joinFeatures(own: Float32Array, companion: Float32Array): Float32Array {
  const joined = new Float32Array(own.length + companion.length);
  joined.set(own);
  joined.set(companion, own.length);
  return joined;
}
