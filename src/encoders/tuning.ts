import { performance } from 'node:perf_hooks';
import { type Modality, modalities } from '../modalities/modality.ts';
import type { Provider } from '../runtime/protocol.ts';
import type { Encoder } from './encoder.ts';
import { chooseEncoderProvider, type EncoderOptions, type Encoders, loadEncoders } from './encoders.ts';

/** How fast a number of engines encodes batches of a size. */
export interface TuningMeasurement {
  engines: number;
  modality: Modality;
  /** Items of a batch, and what they cost together: pixels, or tokens. */
  items: number;
  cost: number;
  itemsPerSecond: number;
}

/** What suits a machine, and what it was read from. */
export interface Tuning {
  engines: number;
  budgets: Record<Modality, number>;
  measurements: TuningMeasurement[];
}

/** Of two sizes that are about as fast, the smaller answers sooner: this much more speed is worth a larger one. */
const worthwhile = 1.03;
const batchSizes = { cpu: [1, 2, 4, 8, 16, 32], cuda: [1, 4, 16, 32, 64, 128, 256] } as const;

/**
 * Finds out how many engines, and batches of which size, encode most items a second here: every number of engines
 * that shares the threads evenly, every batch size, for a moment each.
 * @param texts to encode; the mix that is expected, if it is known
 * @param milliseconds of each measurement
 * @param onProgress told how many of the measurements are done
 * @throws what loading an encoder throws
 * @example const { engines, budgets } = await tune(encoderOptions, { pictures, texts });
 */
export async function tune(
  options: EncoderOptions,
  {
    pictures,
    texts,
    milliseconds = 400,
    onProgress = () => {},
  }: {
    pictures: readonly Uint8Array[];
    texts: readonly string[];
    milliseconds?: number;
    onProgress?: (done: number, total: number) => void;
  },
): Promise<Tuning> {
  const { provider } = await chooseEncoderProvider(options);
  const candidates = engineCounts(provider, options.threads);
  const measurements: TuningMeasurement[] = [];
  for (const engines of candidates) {
    const encoders = await loadEncoders({ ...options, provider, engines });
    try {
      const sizes = batchSizes[encoders.provider.provider];
      const total = candidates.length * sizes.length * 2;
      for await (const measurement of measure(encoders, { pictures, texts, sizes, milliseconds })) {
        measurements.push({ engines, ...measurement });
        onProgress(measurements.length, total);
      }
    } finally {
      await encoders.close();
    }
  }
  return { ...choose(measurements), measurements };
}

/** Chooses from measurements: the engines that are fastest with their best batches, and the least batch that is about as fast. */
export function choose(measurements: readonly TuningMeasurement[]): Pick<Tuning, 'engines' | 'budgets'> {
  const [best] = [...Map.groupBy(measurements, ({ engines }) => engines)]
    .map(([engines, all]) => {
      const [image, text] = modalities.map((modality) =>
        leastOfFastest(all.filter((one) => one.modality === modality)),
      );
      const secondsForBoth = 1 / image.itemsPerSecond + 1 / text.itemsPerSecond;
      return { engines, budgets: { image: image.cost, text: text.cost }, secondsForBoth };
    })
    .sort((a, b) => a.secondsForBoth - b.secondsForBoth);
  return { engines: best.engines, budgets: best.budgets };
}

function leastOfFastest(measurements: readonly TuningMeasurement[]): TuningMeasurement {
  const fastest = Math.max(...measurements.map(({ itemsPerSecond }) => itemsPerSecond));
  return measurements
    .filter(({ itemsPerSecond }) => itemsPerSecond * worthwhile >= fastest)
    .reduce((least, one) => (one.items < least.items ? one : least));
}

function engineCounts(provider: Provider, threads: number): number[] {
  if (provider === 'cuda') return [1];
  return Array.from({ length: Math.min(threads, 16) }, (_, index) => index + 1).filter(
    (engines) => threads % engines === 0,
  );
}

async function* measure(
  { image, text, engines }: Encoders,
  {
    pictures,
    texts,
    sizes,
    milliseconds,
  }: {
    pictures: readonly Uint8Array[];
    texts: readonly string[];
    sizes: readonly number[];
    milliseconds: number;
  },
): AsyncGenerator<Omit<TuningMeasurement, 'engines'>> {
  const pixels = await Promise.all(pictures.map((picture) => image.prepare(picture)));
  const tokens = await Promise.all(texts.map((each) => text.prepare(each)));
  for (const items of sizes) yield await timed(image, repeated(pixels, items), engines, milliseconds);
  for (const items of sizes) yield await timed(text, repeated(tokens, items), engines, milliseconds);
}

async function timed<Prepared>(
  encoder: Encoder<never, Prepared>,
  batch: readonly Prepared[],
  engines: number,
  milliseconds: number,
): Promise<Omit<TuningMeasurement, 'engines'>> {
  await Promise.all(Array.from({ length: engines }, () => encoder.encode(batch)));
  const started = performance.now();
  const end = started + milliseconds;
  let encoded = 0;
  await Promise.all(
    Array.from({ length: engines }, async () => {
      do {
        await encoder.encode(batch);
        encoded += batch.length;
      } while (performance.now() < end);
    }),
  );
  const longest = Math.max(...batch.map((item) => encoder.paddedCostOf(item)));
  return {
    modality: encoder.modality,
    items: batch.length,
    cost: longest * batch.length,
    itemsPerSecond: (1000 * encoded) / (performance.now() - started),
  };
}

function repeated<Each>(items: readonly Each[], count: number): Each[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length]);
}
