import type { PredictionInput } from '../../heads/prediction.ts';

/** An item whose image may still have to be fetched. */
export interface ReadInput extends PredictionInput {
  content: { image?: Uint8Array; text?: string };
  imageUrl?: string;
}
