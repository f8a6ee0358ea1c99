import { performance } from 'node:perf_hooks';
import { itemAt } from '../indexing.ts';
import { pretrainedOf } from '../modalities/registry.ts';
import { Engine } from '../runtime/engine.ts';
import { type Encoder, loadEncoder } from './encoder.ts';
import { unusable } from './model/unusable.ts';
import type { EncoderProof } from './origin.ts';
import { readSpecification } from './specification.ts';

/** Of the least difference that heads notice; float32 in another order differs by 1e-6 or so. */
export const largestDifference = 1e-3;

/** Milliseconds that a model may take to load, or for a batch. */
const timeout = 300_000;

/** Runs that are timed; the fastest counts. */
const timedRuns = 3;

/**
 * Loads the encoder of a folder and asks it about a few items: alone, twice, together, and in another order.
 * @throws TandemError `invalid-encoder` where it cannot be loaded or run, its features are not finite or as many as it says,
 *   or different items have the same; `damaged-artifact`
 * @example const { batchDifference } = await proveEncoder('data/encoders/8fbee7a7…', { threads: 2 });
 */
export async function proveEncoder(folder: string, { threads }: { threads: number }): Promise<EncoderProof> {
  return withEncoder(folder, threads, async (encoder, items, usedBytes) => {
    const measured = await measure(encoder, items).catch(explain('run'));
    checkFeatures(measured.alone, encoder.dimension);
    const { batchDifference, runDifference, milliseconds } = measured;
    return {
      ...{ items: items.length, batchDifference, runDifference, milliseconds },
      memory: await usedBytes(),
    };
  });
}

/**
 * Features of the items of a proof, each encoded alone.
 * @throws TandemError as {@link proveEncoder}
 */
export async function proofFeatures(folder: string, threads: number): Promise<Float32Array[]> {
  return withEncoder(folder, threads, (encoder, items) => eachAlone(encoder, items).catch(explain('run')));
}

async function withEncoder<Result>(
  folder: string,
  threads: number,
  work: (encoder: Encoder, items: readonly unknown[], usedBytes: () => Promise<number>) => Promise<Result>,
): Promise<Result> {
  const { modality } = await readSpecification(folder);
  // A process: what a model does to it, this one doesn't feel, and its memory is the model's alone.
  const engine = Engine.startProcess({ provider: 'cpu', threads }, { timeout });
  try {
    const before = await engine.memory();
    const encoder = await loadEncoder(engine, modality, folder).catch(explain('loaded'));
    try {
      const inputs = await pretrainedOf(modality).variety();
      const items = await Promise.all(inputs.map((input) => encoder.prepare(input)));
      return await work(encoder, items, async () => (await engine.memory()) - before);
    } finally {
      await encoder.close();
    }
  } finally {
    await engine.close();
  }
}

async function eachAlone(encoder: Encoder, items: readonly unknown[]): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for (const item of items) rows.push(itemAt(await encoder.encode([item]), 0));
  return rows;
}

function explain(what: string): (error: Error) => never {
  return (error) => {
    if (error.name === 'TandemError') throw error;
    throw unusable(
      `the model cannot be ${what}: ${error.message}`,
      'Export it for ONNX Runtime, with operators that it has: optimum-cli export onnx.',
      error,
    );
  };
}

async function measure(encoder: Encoder, items: readonly unknown[]) {
  const alone = await eachAlone(encoder, items);
  const again = await eachAlone(encoder, items);
  const together = await encoder.encode(items);
  const reversed = (await encoder.encode(items.toReversed())).toReversed();
  return {
    alone,
    runDifference: differenceOf(alone, again),
    batchDifference: Math.max(differenceOf(alone, together), differenceOf(alone, reversed)),
    milliseconds: {
      alone: (await fastest(() => eachAlone(encoder, items))) / items.length,
      inBatch: (await fastest(() => encoder.encode(items))) / items.length,
    },
  };
}

async function fastest(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < timedRuns; run++) {
    const started = performance.now();
    await work();
    least = Math.min(least, performance.now() - started);
  }
  return least;
}

/** The largest of |a − b| / |a| over the rows. */
function differenceOf(some: readonly Float32Array[], others: readonly Float32Array[]): number {
  return Math.max(
    ...some.map((row, index) => {
      const other = itemAt(others, index);
      return Math.hypot(...row.map((value, k) => value - (other[k] ?? Number.NaN))) / Math.hypot(...row);
    }),
  );
}

function checkFeatures(rows: readonly Float32Array[], dimension: number): void {
  const first = itemAt(rows, 0);
  if (first.length !== dimension)
    throw unusable(`the model gives ${first.length} features; its files say ${dimension}`);
  if (!rows.every((row) => row.every(Number.isFinite)))
    throw unusable(
      'features are not finite numbers',
      'Choose another of its files with --dtype, such as --dtype fp32.',
    );
  if (!rows.some((row) => row.some((value, k) => value !== first[k])))
    throw unusable(
      'all items have the same features',
      'The ONNX file may be damaged, or not be for features: export it again.',
    );
}
