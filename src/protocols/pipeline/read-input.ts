import type { PredictionInput } from '../../heads/prediction.ts';
import type { GivenContent } from '../../modalities/registry.ts';

/** An item whose image may still have to be fetched. */
export interface ReadInput extends PredictionInput {
  content: GivenContent & { text?: string };
  imageUrl?: string;
}
