import { companionInput } from '../arl/ports.ts';
import type { HeadManifest } from './manifest.ts';

/** A modality whose features a head takes, and how many stand beside the encoder's. */
export type TakenFeatures = Pick<HeadManifest['encoders'][number], 'modality' | 'dimension'> & {
  companion?: { dimension: number };
  /** Where it begins inside the encoder, and what its own blocks make is wanted: how many features that is. */
  embeddingDimension?: number;
};

/** An input of a head's model, [n, dimension]: which of a modality's features it takes. */
export interface HeadInput {
  name: string;
  modality: TakenFeatures['modality'];
  /** Where they begin among the features of an item. */
  from: number;
  dimension: number;
}

/**
 * The inputs of a head's model: the features of each encoder, and behind them those of its companion.
 * @example inputsOf([{ modality: 'text', dimension: 384 }]) // [{ name: 'text', modality: 'text', from: 0, dimension: 384 }]
 */
export function inputsOf(encoders: readonly TakenFeatures[]): HeadInput[] {
  return encoders.flatMap(({ modality, dimension, companion }) => [
    { name: modality, modality, from: 0, dimension },
    ...(companion
      ? [{ name: companionInput(modality), modality, from: dimension, dimension: companion.dimension }]
      : []),
  ]);
}
