import type { ModalityName } from '../modalities/registry.ts';

/**
 * Features of one item; a modality that it lacks is absent. Where a head takes a companion's beside an encoder's, they follow
 * in the same array; without them they are those of an average item.
 */
export type ItemFeatures = Partial<Record<ModalityName, Float32Array>>;
