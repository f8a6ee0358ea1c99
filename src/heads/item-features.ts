import type { ModalityName } from '../modalities/registry.ts';

/**
 * Features of one item; a modality that it lacks is absent. Where a head takes a companion's beside an encoder's, they follow
 * in the same array; without them they are those of an average item.
 */
export type ItemFeatures = Partial<Record<ModalityName, Float32Array>>;

/**
 * What tells how alike items are: the features that the head takes, and of an encoder whose last blocks are the head's own
 * those that these make.
 * @example novelty.unlikeIn(comparedFeatures(item.features, answer))
 */
export function comparedFeatures(
  features: ItemFeatures,
  { embeddings }: { embeddings?: ItemFeatures },
): ItemFeatures {
  return embeddings ? { ...features, ...embeddings } : features;
}
