import { itemAt } from '../indexing.ts';
import type { Input } from '../modalities/modality.ts';
import type { SubmitOptions } from '../runtime/batcher.ts';
import type { RememberedFeatures } from './feature-memory.ts';
import type { FeatureSource, ItemSource, SourcedFeatures } from './feature-source.ts';
import { joinFeatures } from './join-features.ts';

/** Stands between the keys of parts; none of these has it. */
const separator = '\n';

/**
 * Features of several encoders of a modality, one behind the other. Each encoder has a queue, batches and remembered features
 * of its own, which it shares with heads that take its features alone, and is loaded for itself: nothing holds one while it
 * waits for another, so that they make progress where there is room for one.
 * @example
 * const source = new JoinedSource([await sources.of(dino), await sources.of(clip)]);
 * const { features } = await source.get(image, { signal }); // dino's, then clip's
 */
export class JoinedSource implements ItemSource {
  readonly parts: readonly FeatureSource[];

  constructor(parts: readonly FeatureSource[]) {
    this.parts = parts;
  }

  keyOf(input: Input): string {
    return this.parts.map((part) => part.keyOf(input)).join(separator);
  }

  recall(key: string): RememberedFeatures | undefined {
    const keys = key.split(separator);
    if (!this.parts.every((part, index) => part.remembers(itemAt(keys, index)))) return undefined;
    return joined(this.parts.flatMap((part, index) => part.recall(itemAt(keys, index)) ?? []));
  }

  async get(input: Input, options?: SubmitOptions, key = this.keyOf(input)): Promise<SourcedFeatures> {
    const keys = key.split(separator);
    const found = await Promise.all(
      this.parts.map((part, index) => part.get(input, options, itemAt(keys, index))),
    );
    const slowest = (stage: 'decode' | 'queue' | 'encode') => Math.max(...found.map((one) => one[stage]));
    return {
      ...joined(found),
      decode: slowest('decode'),
      queue: slowest('queue'),
      encode: slowest('encode'),
    };
  }
}

function joined(parts: readonly RememberedFeatures[]): RememberedFeatures {
  return {
    features: joinFeatures(parts.map(({ features }) => features)),
    cost: parts.reduce((sum, { cost }) => sum + cost, 0),
  };
}
