import { TandemError } from '../../errors.ts';
import { constantBytes, peakBytes, stateBytes } from '../../graph/memory.ts';
import type { FeatureTable } from '../features/feature-table.ts';
import { windowRows } from './batches.ts';
import { planStep, type TrainingOptions } from './trainer.ts';

/** How the batches of a tuning are computed. */
export interface TuningBatches {
  /** Examples that a step learns from; by default 32, or the recipe's where those are fewer. */
  batchSize?: number;
  /** How many parts a batch is computed in, one after the other; the next number that divides it. 1 by default. */
  accumulate?: number;
  /** MiB that it may take; by default what the machine has free. */
  memory?: number;
}

/** What a step's values take in ONNX Runtime's arena, of what they would take without gaps. */
const arenaFactor = 1.5;

/** The parts that a batch is computed in: the least number, of those asked for or more, that divides it. */
export function partsOf(batchSize: number, accumulate = 1): number {
  let parts = Math.min(accumulate, batchSize);
  while (batchSize % parts !== 0) parts++;
  return parts;
}

/**
 * MiB that a tuning takes at most, beside what is in memory before: a step's activations and gradients, the state of the
 * optimizer on its way in and out, and the rows that it learns from.
 * @param table of the pretrained features
 */
export function tuningMemory(
  table: FeatureTable,
  options: Pick<TrainingOptions, 'classes' | 'recipe' | 'tuning'>,
): number {
  const { step, architecture, settings } = planStep(table, options);
  const lengths = architecture.dimensions.map(
    (dimension, m) => architecture.tails?.[m]?.rowLength ?? dimension,
  );
  const rows = table.strata.length;
  const window = windowRows(lengths, { rows, batchSize: settings.batchSize });
  const bound = 4 * lengths.reduce((sum, length) => sum + length, 0) * window * (window < rows ? 2 : 1);
  const bytes = arenaFactor * peakBytes(step) + 4 * stateBytes(step) + 2 * constantBytes(step) + bound;
  return Math.ceil(bytes / 2 ** 20);
}

/**
 * Says what a tuning will take, before it begins.
 * @param memoryWith MiB, by how batches are computed
 * @returns a note
 * @throws TandemError `invalid-recipe` where that is more than it may take
 */
export function checkTuningMemory(
  memoryWith: (batches: TuningBatches) => number,
  recipe: { batchSize: number },
  { memory = availableMebibytes(), ...batches }: TuningBatches,
): string {
  const needed = memoryWith(batches);
  const { accumulate = 1 } = batches;
  const { batchSize } = recipe;
  const parts = partsOf(batchSize, accumulate);
  const how = `batches of ${batchSize}${parts > 1 ? ` in ${parts} parts` : ''}`;
  if (needed <= memory) return `Tuning takes up to ${needed} MiB of memory (${how}).`;
  const divisors = Array.from({ length: batchSize }, (_, index) => index + 1);
  const enough = divisors.find(
    (count) =>
      count > parts && batchSize % count === 0 && memoryWith({ ...batches, accumulate: count }) <= memory,
  );
  const inParts = enough === undefined ? '' : `Compute batches in parts (--accumulate ${enough}), or `;
  throw new TandemError(
    'invalid-recipe',
    `tune: ${how} take up to ${needed} MiB of memory, and there are ${memory}`,
    {
      fix: `${inParts || 'Tune fewer blocks, '}take smaller batches (--batch-size), or give it more (--memory ${needed}).`,
    },
  );
}

function availableMebibytes(): number {
  return Math.floor(process.availableMemory() / 2 ** 20);
}
