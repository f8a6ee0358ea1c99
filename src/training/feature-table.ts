import type { FeatureScaling } from '../arl/serving.ts';
import type { Modality } from '../inference/prediction.ts';

/** Features of one modality: rows of `dimension` numbers, zero where an example lacks the modality. */
export interface FeatureColumn {
  modality: Modality;
  dimension: number;
  /** Row-major, rows × dimension. */
  values: Float32Array;
  /** 1 where the example has the modality, else 0. */
  present: Uint8Array;
}

/** Features of a set of examples, one column for each modality that any of them has, and their labels. */
export interface FeatureTable {
  columns: FeatureColumn[];
  /** Index of each example's label. */
  labels: Int32Array;
}

/** A copy of some rows. */
export function selectRows({ columns, labels }: FeatureTable, rows: readonly number[]): FeatureTable {
  return {
    columns: columns.map((column) => {
      const values = new Float32Array(rows.length * column.dimension);
      rows.forEach((row, index) => {
        values.set(rowOf(column, row), index * column.dimension);
      });
      return { ...column, values, present: Uint8Array.from(rows, (row) => column.present[row]) };
    }),
    labels: Int32Array.from(rows, (row) => labels[row]),
  };
}

/** One row, not copied. */
export function rowOf({ values, dimension }: FeatureColumn, row: number): Float32Array {
  return values.subarray(row * dimension, (row + 1) * dimension);
}

/**
 * The scaling that gives every feature mean 0 and the same variance over the rows present, and rows a norm near
 * `norm`. A feature that never changes becomes 0.
 */
export function fitScaling(column: FeatureColumn, norm: number): FeatureScaling {
  const { dimension, present } = column;
  const rows = [...present.keys()].filter((row) => present[row] === 1);
  const mean = new Float64Array(dimension);
  const variance = new Float64Array(dimension);
  for (const row of rows)
    for (const [index, value] of rowOf(column, row).entries()) mean[index] += value / rows.length;
  for (const row of rows)
    for (const [index, value] of rowOf(column, row).entries())
      variance[index] += (value - mean[index]) ** 2 / rows.length;
  const size = norm / Math.sqrt(dimension);
  const smallest = 1e-6;
  return {
    mean: Float32Array.from(mean),
    factor: Float32Array.from(variance, (value) => (value < smallest ** 2 ? 0 : size / Math.sqrt(value))),
  };
}

/** Scaled copies of the column's rows; rows that lack the modality stay zero. */
export function applyScaling(column: FeatureColumn, { mean, factor }: FeatureScaling): FeatureColumn {
  const { dimension, present } = column;
  const values = new Float32Array(column.values.length);
  for (let row = 0; row < present.length; row++) {
    if (present[row] === 0) continue;
    const offset = row * dimension;
    for (let index = 0; index < dimension; index++)
      values[offset + index] = (column.values[offset + index] - mean[index]) * factor[index];
  }
  return { ...column, values };
}
