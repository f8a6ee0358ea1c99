import { stepInputs } from '../arl/training-step.ts';
import { loopInputName } from '../graph/emit.ts';
import { float32, int32, type Tensors } from '../runtime/tensor.ts';
import { type FeatureTable, rowOf } from './feature-table.ts';
import { Random } from './random.ts';

export interface BatchOptions {
  batchSize: number;
  seed: number;
  dropout: number;
  /** Whether the step takes `presence`. */
  partial: boolean;
  /** Columns of the bank of gradient noise; absent where the step takes none. */
  noiseColumns?: number;
}

/** Rows of the bank of dropout masks: so many that no two examples of a batch are likely to share one. */
export const dropoutMaskCount = 1024;

/** Rows of the bank of gradient noise. */
export const noiseRows = 4096;

/**
 * The batches of a training, each a function of the seed and the step alone, so that a training can go on from any
 * step. Examples come in epochs, each a new permutation of them all; a batch may reach over the end of an epoch, so
 * none is ragged.
 */
export class Batches {
  readonly #table: FeatureTable;
  readonly #options: BatchOptions;
  #epoch = -1;
  #order: number[] = [];

  constructor(table: FeatureTable, options: BatchOptions) {
    this.#table = table;
    this.#options = options;
  }

  /** The feeds of `count` steps from `first` on: features, labels and what goes with them, one axis of steps in front. */
  feeds(first: number, count: number): Tensors {
    const { batchSize, partial, dropout, seed, noiseColumns = 0 } = this.#options;
    const rows = Array.from({ length: count * batchSize }, (_, index) =>
      this.#exampleAt(first * batchSize + index),
    );
    const feeds: Tensors = {};
    for (const [m, column] of this.#table.columns.entries()) {
      const { dimension, present } = column;
      const values = new Float32Array(rows.length * dimension);
      for (const [index, row] of rows.entries()) values.set(rowOf(column, row), index * dimension);
      feeds[loopInputName(stepInputs.features(m))] = float32([count, batchSize, dimension], values);
      if (partial)
        feeds[loopInputName(stepInputs.presence(m))] = float32(
          [count, batchSize, 1],
          Float32Array.from(rows, (row) => present[row]),
        );
    }
    const labels = Int32Array.from(rows, (row) => this.#table.labels[row]);
    feeds[loopInputName(stepInputs.labels)] = int32([count, batchSize], labels);
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

  /** What is the same in every step: the banks of dropout masks and of gradient noise, as far as they are used. */
  banks(): Tensors {
    return { ...this.#dropoutMasks(), ...this.#noise() };
  }

  #dropoutMasks(): Tensors {
    const { dropout, seed } = this.#options;
    if (dropout === 0) return {};
    const kept = 1 / (1 - dropout);
    const entries = this.#table.columns.map(({ dimension }, m) => {
      const random = new Random(seed, 'dropout masks', m);
      const values = new Float32Array(dropoutMaskCount * dimension);
      for (let index = 0; index < values.length; index++)
        values[index] = random.nextFloat() < dropout ? 0 : kept;
      return [stepInputs.dropoutMasks(m), float32([dropoutMaskCount, dimension], values)] as const;
    });
    return Object.fromEntries(entries);
  }

  #noise(): Tensors {
    const { noiseColumns = 0, seed } = this.#options;
    if (noiseColumns === 0) return {};
    const random = new Random(seed, 'noise bank');
    const values = Float32Array.from({ length: noiseRows * noiseColumns }, () => random.nextNormal());
    return { [stepInputs.noiseBank]: float32([noiseRows, noiseColumns], values) };
  }

  #exampleAt(position: number): number {
    const count = this.#table.labels.length;
    const epoch = Math.floor(position / count);
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#order = new Random(this.#options.seed, 'shuffle', epoch).shuffle([...this.#table.labels.keys()]);
    }
    return this.#order[position % count];
  }
}
