import { required } from '../indexing.ts';
import type { Encoder, LoadedEncoder } from './encoder.ts';
import { type HubOrigin, hubOriginOf } from './origin.ts';
import type { Resident, UseOptions } from './residents.ts';
import type { EncoderSpecification } from './specification.ts';

/**
 * An encoder that is loaded when it is used, and may be evicted between two uses. What was prepared before is encoded by
 * the one that is loaded afterwards: they are the same. Costs are known once it was loaded.
 */
export interface PooledEncoder extends Encoder {
  /** Of one that was added by its name, or the trunk of one: the model of the hub. */
  readonly origin?: HubOrigin;
  /** Whether it is loaded, and stays so for now. */
  readonly isLoaded: boolean;
  /** @throws as `loadEncoder` */
  load(): Promise<void>;
  /**
   * Works with it, and keeps it loaded that long.
   * @throws as `load`; the signal's reason where it aborts while the encoder is waited for
   * @example await encoder.keepLoaded(async () => encoder.encode([await encoder.prepare('a red bike')]));
   */
  keepLoaded<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result>;
}

/** One encoder of a modality, or several whose features are concatenated in this order. */
export type PooledEncoders = readonly [PooledEncoder, ...PooledEncoder[]];

/** @param resident what loads the encoder */
export function pooledEncoder(
  specification: EncoderSpecification,
  resident: Resident<LoadedEncoder>,
): PooledEncoder {
  const { id, modality, dimension, fingerprint, license, cacheKey, trunkOf, pair } = specification;
  const { origin, model = origin && hubOriginOf(origin) } = specification;
  let last: Encoder | undefined;
  const known = () => required(last, `the encoder ${id}, which was never loaded`);
  const use = <Result>(work: (encoder: Encoder) => Promise<Result>, options?: UseOptions) =>
    resident.use((encoder) => {
      last = encoder;
      return work(encoder);
    }, options);
  return {
    ...{ id, modality, dimension, fingerprint, license, cacheKey, trunkOf, pair },
    origin: model,
    get isLoaded() {
      return resident.isLoaded;
    },
    load: () => use(async () => {}),
    keepLoaded: (work, signal) => use(work, { signal, isOuter: true }),
    prepare: (input, options) => use((encoder) => encoder.prepare(input, options), options),
    omit: (input, options) => use(async (encoder) => (await encoder.omit?.(input, options)) ?? [], options),
    encode: (batch) => use((encoder) => encoder.encode(batch)),
    release: (prepared) => known().release?.(prepared),
    costOf: (prepared) => known().costOf(prepared),
    paddedCostOf: (prepared) => known().paddedCostOf(prepared),
    get overhead() {
      return known().overhead;
    },
    fitBudget: (budget) => known().fitBudget(budget),
  };
}
