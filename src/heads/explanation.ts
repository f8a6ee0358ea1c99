import type { ContentParts, ModalityName } from '../modalities/registry.ts';
import type { ItemFeatures } from './item-features.ts';
import type { NearestExample } from './nearest-examples.ts';

/** What is asked of an explanation. */
export interface ExplainOptions {
  /** The label whose probability is explained; the likeliest by default. */
  label?: string;
  /** The most parts that the content of each modality is divided into, 4 to 64; default: 36. */
  parts?: number;
}

/** The same, and what finds the training examples that an item resembles. */
export interface ExplainRequest extends ExplainOptions {
  nearest?(features: ItemFeatures): Promise<NearestExample[]>;
}

/** The bounds of {@link ExplainOptions.parts}. */
export const explainedParts = { least: 4, most: 64, default: 36 } as const;

/** A part of an item, and what the answer loses without it: above 0 where the part raises the answer. */
export type ExplainedPart<Part> = Part & { effect: number };

/** What one modality contributes to the answer that is explained. */
export interface ModalityExplanation<Part = object> {
  /** The answer from this modality alone. */
  alone: number;
  /** The weight of its own logits in the fused answer to a complete item; absent where the head is not calibrated. */
  weight?: number;
  /** The answer less the answer without this modality; absent where it is the item's only one. */
  effect?: number;
  /** In the order in which they stand in the content. */
  parts: ExplainedPart<Part>[];
}

/** Which parts of an item its answer rests on. Effects do not add up: parts act together. */
export interface Explanation {
  /** The label whose probability is explained; absent where the head predicts a number. */
  label?: string;
  /** That probability, or the number. */
  answer: number;
  modalities: { [Name in ModalityName]?: ModalityExplanation<ContentParts[Name]> };
  /** Training examples that the item resembles, the nearest first; none where the head keeps no training rows. */
  nearest: NearestExample[];
  cost: {
    /** Items that encoders encoded for the explanation alone. */
    encodes: number;
    /** How long it took beside the prediction, once its turn had come. */
    milliseconds: number;
  };
}
