import type { PredictionInput } from '../../heads/prediction.ts';

/** An item whose picture may still have to be fetched. */
export interface ReadInput extends PredictionInput {
  imageUrl?: string;
}
