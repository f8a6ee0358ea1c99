import { sharedInputs, stepInputs } from '../arl/training-step.ts';
import { loopInputName } from '../graph/emit.ts';
import { float32, int32, type Tensors } from '../runtime/tensor.ts';
import type { FeatureTable } from './feature-table.ts';
import { Random } from './random.ts';

export interface BatchOptions {
  batchSize: number;
  seed: number;
  dropout: number;
  /** Whether the step reads `presence`. */
  partial: boolean;
  /** How much each example counts; absent where all count alike. */
  weights?: Float32Array;
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
 * none is ragged. A batch is row numbers: the graph takes the rows out of the training set itself.
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

  /** The feeds of `count` steps from `first` on, one axis of steps in front. */
  feeds(first: number, count: number): Tensors {
    const { batchSize, dropout, seed, noiseColumns = 0 } = this.#options;
    const rows = Int32Array.from({ length: count * batchSize }, (_, index) =>
      this.#exampleAt(first * batchSize + index),
    );
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

  /** What is the same in every step: the training set, and the banks of dropout masks and of gradient noise. */
  shared(): Tensors {
    return { ...this.#trainingSet(), ...this.#dropoutMasks(), ...this.#noise() };
  }

  #trainingSet(): Tensors {
    const { columns, labels } = this.#table;
    const rows = labels.length;
    const entries = columns.flatMap(({ values, dimension, present }, m) => [
      [sharedInputs.features(m), float32([rows, dimension], values.slice())] as const,
      ...(this.#options.partial
        ? [[sharedInputs.presence(m), float32([rows, 1], Float32Array.from(present))] as const]
        : []),
    ]);
    const { weights } = this.#options;
    return {
      ...Object.fromEntries(entries),
      [sharedInputs.truth]: int32([rows], labels.slice()),
      ...(weights && { [sharedInputs.weights]: float32([rows, 1], weights) }),
    };
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
