import type { ModalityName } from '../modalities/registry.ts';

/** Features of one item; a modality that it lacks is absent. */
export type ItemFeatures = Partial<Record<ModalityName, Float32Array>>;
