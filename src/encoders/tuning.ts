import { performance } from 'node:perf_hooks';
import { itemAt } from '../indexing.ts';
import { byPretrained, type PretrainedName, pretrainedModalities } from '../modalities/registry.ts';
import type { Provider } from '../runtime/protocol.ts';
import type { Encoder } from './encoder.ts';
import { chooseEncoderProvider, type EncoderOptions, type Encoders, loadEncoders } from './encoders.ts';

/** How fast a number of engines encodes batches of a size. */
export interface TuningMeasurement {
  engines: number;
  modality: PretrainedName;
  /** The encoder's id. */
  encoder: string;
  /** Items of a batch, and what they cost together, in the modality's unit. */
  items: number;
  cost: number;
  itemsPerSecond: number;
}

/** What suits a machine, and what it was read from. */
export interface Tuning {
  engines: number;
  budgets: Record<PretrainedName, number>;
  measurements: TuningMeasurement[];
}

/** Of two sizes that are about as fast, the smaller answers sooner: this much more speed is worth a larger one. */
const worthwhile = 1.03;
const batchSizes = { cpu: [1, 2, 4, 8, 16, 32], cuda: [1, 4, 16, 32, 64, 128, 256] } as const;

/**
 * Finds out how many engines, and batches of which size, encode most items a second here: every number of engines
 * that shares the threads evenly, every batch size, for a moment each, with items of usual size.
 * @param milliseconds of each measurement
 * @param onProgress told how many of the measurements are done
 * @throws what loading an encoder throws
 * @example const { engines, budgets } = await tune(await encoderOptions(settings));
 */
export async function tune(
  options: EncoderOptions,
  {
    milliseconds = 400,
    onProgress = () => {},
  }: { milliseconds?: number; onProgress?: (done: number, total: number) => void } = {},
): Promise<Tuning> {
  const { provider } = await chooseEncoderProvider(options);
  const candidates = engineCounts(provider, options.threads);
  const measurements: TuningMeasurement[] = [];
  for (const engines of candidates) {
    const encoders = await loadEncoders({ ...options, provider, engines });
    try {
      const sizes = batchSizes[encoders.provider.provider];
      const encodersOfAll = Object.values(encoders.byModality).flat();
      const total = candidates.length * sizes.length * encodersOfAll.length;
      for await (const measurement of measure(encoders, sizes, milliseconds)) {
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
  const choices = [...Map.groupBy(measurements, ({ engines }) => engines)]
    .map(([engines, all]) => {
      const ofEncoders = Map.groupBy(all, ({ modality, encoder }) => `${modality} ${encoder}`);
      const fastest = [...ofEncoders.values()].map(leastOfFastest);
      const seconds = fastest.reduce((sum, { itemsPerSecond }) => sum + 1 / itemsPerSecond, 0);
      // Of several encoders of a modality, the largest: a batch of another takes as many items as fit.
      const budgets = byPretrained(({ name }) =>
        Math.max(...fastest.filter(({ modality }) => modality === name).map(({ cost }) => cost)),
      );
      return { engines, budgets, seconds };
    })
    .sort((a, b) => a.seconds - b.seconds);
  const { engines, budgets } = itemAt(choices, 0);
  return { engines, budgets };
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
  { byModality, engines }: Encoders,
  sizes: readonly number[],
  milliseconds: number,
): AsyncGenerator<Omit<TuningMeasurement, 'engines'>> {
  for (const { name, sample } of pretrainedModalities)
    for (const encoder of byModality[name]) {
      const item = await encoder.prepare(await sample());
      for (const items of sizes)
        yield await timed(encoder, new Array(items).fill(item), engines, milliseconds);
    }
}

async function timed(
  encoder: Encoder,
  batch: readonly unknown[],
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
    encoder: encoder.id,
    items: batch.length,
    cost: longest * batch.length,
    itemsPerSecond: (1000 * encoded) / (performance.now() - started),
  };
}
