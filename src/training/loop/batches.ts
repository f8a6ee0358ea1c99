import { sharedInputs, stepInputs } from '../../arl/training-step.ts';
import { loopInputName } from '../../graph/emit.ts';
import { Random } from '../../random.ts';
import { float32, int32, type Tensors } from '../../runtime/tensor.ts';
import type { ExampleWeights } from '../../targets/target.ts';
import { targets } from '../../targets/targets.ts';
import { selectTruths, type TruthTable } from '../../targets/truth-table.ts';
import type { FeatureTable } from '../features/feature-table.ts';
import { type BatchOrder, wholeOrder, windowedOrder } from './batch-order.ts';

export interface BatchOptions {
  batchSize: number;
  seed: number;
  dropout: number;
  /** Whether the step reads `presence`. */
  partial: boolean;
  /** How much examples count; absent where all count alike. */
  weights?: ExampleWeights;
  /** Lengths of the features that are dropped, where they are made of the rows in the step; the rows' own by default. */
  dimensions?: readonly number[];
  /** Columns of the bank of gradient noise; absent where the step takes none. */
  noiseColumns?: number;
}

/** Rows of the bank of dropout masks: so many that no two examples of a batch are likely to share one. */
export const dropoutMaskCount = 1024;

/** Rows of the bank of gradient noise. */
export const noiseRows = 4096;

/** Bytes of a training set that is bound whole; of a larger one a window at a time is. */
const mostBytesWhole = 384 * 2 ** 20;
const windowBytes = 160 * 2 ** 20;

/**
 * The batches of a training, each a function of the seed and the step alone, so that a training can go on from any
 * step. A batch is places in a window of the training set, most often in all of it: the graph takes the rows out itself.
 */
export class Batches {
  readonly #table: FeatureTable;
  readonly #options: BatchOptions;
  readonly #order: BatchOrder;
  #ahead: { window: number; tensors: Promise<Tensors> } | undefined;

  /** @param windowRows rows to hold at a time; by their size where absent */
  constructor(table: FeatureTable, options: BatchOptions, windowRows = windowRowsFor(table, options)) {
    this.#table = table;
    this.#options = options;
    const { batchSize, seed } = options;
    const order = { rows: table.strata.length, batchSize, seed };
    this.#order = windowRows >= table.strata.length ? wholeOrder(order) : windowedOrder(order, windowRows);
  }

  /** The window of the training set that the step's batch lies in, and how many steps from this one on stay in it. */
  windowAt(step: number): { window: number; steps: number } {
    return this.#order.windowAt(step);
  }

  /** A window of the training set. The next one is read meanwhile, if there is one. */
  async window(window: number, hasNext: boolean): Promise<Tensors> {
    const tensors = this.#ahead?.window === window ? this.#ahead.tensors : this.#readWindow(window);
    this.#ahead = undefined;
    const result = await tensors;
    if (hasNext) {
      const next = this.#readWindow(window + 1);
      // The next read of the window throws the error.
      next.catch(() => {});
      this.#ahead = { window: window + 1, tensors: next };
    }
    return result;
  }

  /** The feeds of `count` steps of one window from `first` on, one axis of steps in front. */
  feeds(first: number, count: number): Tensors {
    const { batchSize, dropout, seed, noiseColumns = 0 } = this.#options;
    const rows = new Int32Array(count * batchSize);
    for (let step = 0; step < count; step++) rows.set(this.#order.batchAt(first + step), step * batchSize);
    const feeds: Tensors = { [loopInputName(stepInputs.rows)]: int32([count, batchSize], rows) };
    if (dropout > 0) {
      const masks = new Int32Array(rows.length);
      for (let step = 0; step < count; step++) {
        const random = new Random(seed, 'dropout rows', first + step);
        for (let index = 0; index < batchSize; index++)
          masks[step * batchSize + index] = random.nextInteger(dropoutMaskCount);
      }
      feeds[loopInputName(stepInputs.dropoutRows)] = int32([count, batchSize], masks);
    }
    if (noiseColumns > 0) {
      const offsets = Int32Array.from({ length: count }, (_, step) =>
        new Random(seed, 'noise offset', first + step).nextInteger(noiseRows),
      );
      feeds[loopInputName(stepInputs.noiseOffset)] = int32([count], offsets);
    }
    return feeds;
  }

  /** What is the same in every step: the banks of dropout masks and of gradient noise. */
  shared(): Tensors {
    return { ...this.#dropoutMasks(), ...this.#noise() };
  }

  async #readWindow(window: number): Promise<Tensors> {
    const { columns, truth } = this.#table;
    const { partial, weights } = this.#options;
    const rows = this.#order.rowsOf(window);
    const count = rows.length;
    const entries = columns.map(async ({ dimension, present, read }, m) => {
      const values = new Float32Array(count * dimension);
      await read(rows, values);
      return {
        [sharedInputs.features(m)]: float32([count, dimension], values),
        ...(partial && {
          [sharedInputs.presence(m)]: float32(
            [count, 1],
            Float32Array.from(rows, (row) => Number(present[row] === 1)),
          ),
        }),
      };
    });
    return {
      ...Object.assign({}, ...(await Promise.all(entries))),
      [sharedInputs.truth]: tensorOf(selectTruths(truth, rows), count),
      ...(weights && {
        [sharedInputs.weights]: float32([count, weights.columns], weightsOf(weights, rows)),
      }),
    };
  }

  #dropoutMasks(): Tensors {
    const { dropout, seed } = this.#options;
    if (dropout === 0) return {};
    const kept = 1 / (1 - dropout);
    const { dimensions = this.#table.columns.map(({ dimension }) => dimension) } = this.#options;
    const entries = dimensions.map((dimension, m) => {
      const random = new Random(seed, 'dropout masks', m);
      const values = new Float32Array(dropoutMaskCount * dimension);
      for (let index = 0; index < values.length; index++)
        values[index] = random.nextFloat() < dropout ? 0 : kept;
      return [sharedInputs.dropoutMasks(m), float32([dropoutMaskCount, dimension], values)] as const;
    });
    return Object.fromEntries(entries);
  }

  #noise(): Tensors {
    const { noiseColumns = 0, seed } = this.#options;
    if (noiseColumns === 0) return {};
    const random = new Random(seed, 'noise bank');
    const values = Float32Array.from({ length: noiseRows * noiseColumns }, () => random.nextNormal());
    return { [sharedInputs.noiseBank]: float32([noiseRows, noiseColumns], values) };
  }
}

/** The truth of a window as the step takes it. */
function tensorOf({ target, columns, values }: TruthTable, rows: number) {
  const { type, shape } = targets[target].loss.truth;
  return type === 'int32'
    ? int32(shape(rows, columns), Int32Array.from(values))
    : float32(shape(rows, columns), Float32Array.from(values));
}

function windowRowsFor({ columns, strata }: FeatureTable, { batchSize }: BatchOptions): number {
  return windowRows(
    columns.map(({ dimension }) => dimension),
    { rows: strata.length, batchSize },
  );
}

/**
 * How many rows of features are in memory at a time; with the next ones twice as many where they are not all.
 * @param lengths of the features
 */
export function windowRows(
  lengths: readonly number[],
  { rows, batchSize }: { rows: number; batchSize: number },
): number {
  const rowBytes = lengths.reduce((sum, length) => sum + 4 * length, 0);
  if (rows * rowBytes <= mostBytesWhole) return rows;
  return Math.max(8 * batchSize, Math.floor(windowBytes / rowBytes));
}

function weightsOf({ columns, values }: ExampleWeights, rows: Int32Array): Float32Array {
  const chosen = new Float32Array(rows.length * columns);
  for (const [place, row] of rows.entries())
    chosen.set(values.subarray(row * columns, (row + 1) * columns), place * columns);
  return chosen;
}
