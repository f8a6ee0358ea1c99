import type { FeatureScaling } from '../../arl/serving.ts';
import { throwIfCancelled } from '../../cancellation.ts';
import { itemAt } from '../../indexing.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import { missing } from '../../targets/answer-family.ts';
import { selectTruths, type TruthTable } from '../../targets/truth-table.ts';

/** Features that stand beside an encoder's, of the same rows. */
export interface CompanionColumn extends Pick<FeatureColumn, 'modality' | 'dimension' | 'read'> {
  id: string;
  /** What makes them, as a head keeps it; absent where a head has it. */
  fitted?: Uint8Array;
}

/** What may stand beside an encoder's features. */
export interface ColumnCompanion {
  /** @returns undefined where the rows are too few to fit to */
  fitTo(rows: readonly number[]): CompanionColumn | undefined;
}

/** Features of one modality: rows of `dimension` numbers, in memory, in a file, or computed from another column's. */
export interface FeatureColumn {
  modality: ModalityName;
  dimension: number;
  /** 1 where the example has the modality, else 0. */
  present: Uint8Array;
  /** Of a fitted modality: the specification that made the features. */
  fitted?: unknown;
  /** Features that a head may take beside these. */
  companion?: ColumnCompanion;
  /** Copies rows, one after the other, to the start of `into`; a row that lacks the modality is zeros. */
  read(rows: ArrayLike<number>, into: Float32Array): Promise<void>;
}

/** A column that is being filled. Rows that are never written are zeros. */
export interface WritableColumn extends FeatureColumn {
  /**
   * Writes one row, or several that follow one another.
   * @param from of one row: where in it the values begin; default: 0
   */
  write(firstRow: number, values: Float32Array, from?: number): Promise<void>;
}

/** A column whose numbers lie in memory. */
export interface MemoryColumn extends WritableColumn {
  /** Row-major, rows × dimension. */
  values: Float32Array;
}

/** Features of a set of examples, one column for each modality that any of them has, and their labels. */
export interface FeatureTable<Column extends FeatureColumn = FeatureColumn> {
  columns: Column[];
  /** Index of what each example is split by. */
  strata: Int32Array;
  /** What is to be learnt. */
  truth: TruthTable;
}

/** @example memoryColumn({ modality: 'text', dimension: 2, present: Uint8Array.of(1), values: Float32Array.of(3, 4) }); */
export function memoryColumn(column: Omit<MemoryColumn, 'read' | 'write'>): MemoryColumn {
  const { values, dimension } = column;
  return {
    ...column,
    write: async (firstRow, written, from = 0) => values.set(written, firstRow * dimension + from),
    read: async (rows, into) => {
      for (let index = 0; index < rows.length; index++) {
        const from = itemAt(rows, index) * dimension;
        into.set(values.subarray(from, from + dimension), index * dimension);
      }
    },
  };
}

/** Some rows of a table, in the order given. Nothing is copied before it is read. */
export function selectRows<Column extends FeatureColumn>(
  { columns, strata, truth }: FeatureTable<Column>,
  rows: readonly number[],
): FeatureTable {
  return {
    columns: columns.map(({ modality, dimension, present, read }) => ({
      modality,
      dimension,
      present: Uint8Array.from(rows, (row) => Number(present[row] === 1)),
      read: (places, into) =>
        read(
          Int32Array.from(places, (place) => itemAt(rows, place)),
          into,
        ),
    })),
    strata: Int32Array.from(rows, (row) => itemAt(strata, row)),
    truth: selectTruths(truth, rows),
  };
}

/**
 * The table as a head takes it: what stands beside columns, fitted to some rows, are columns of their own behind the others.
 * @example const { table: inputs, companions } = joinCompanions(table, train);
 */
export function joinCompanions(
  table: FeatureTable,
  rows: readonly number[],
): { table: FeatureTable; companions: CompanionColumn[] } {
  const fitted = table.columns.flatMap(({ companion, present }) => {
    const beside = companion?.fitTo(rows);
    return beside ? [{ beside, present }] : [];
  });
  const companions = fitted.map(({ beside }) => beside);
  const columns = [
    ...table.columns,
    ...fitted.map(({ beside: { modality, dimension, read }, present }) => ({
      ...{ modality, dimension, present, read },
    })),
  ];
  return { table: { ...table, columns }, companions };
}

/** Rows that are read at a time where all of them are looked at once. */
const rowsAtOnce = 2048;

/** A whole table in memory. */
export async function loadTable({
  columns,
  strata,
  truth,
}: FeatureTable): Promise<FeatureTable<MemoryColumn>> {
  const loaded = columns.map(async ({ modality, dimension, present, read }) => {
    const values = new Float32Array(strata.length * dimension);
    await read(new Int32Array(strata.keys()), values);
    return memoryColumn({ modality, dimension, present, values });
  });
  return { columns: await Promise.all(loaded), strata, truth };
}

/** One row, not copied. */
export function rowOf({ values, dimension }: MemoryColumn, row: number): Float32Array {
  return values.subarray(row * dimension, (row + 1) * dimension);
}

/**
 * The scaling that gives every feature mean 0 and the same variance over the rows present, and rows a norm near
 * `norm`. A feature that never changes becomes 0. The rows are read once.
 * @throws TandemError `job-cancelled` where the signal aborts
 */
export async function fitScaling(
  column: FeatureColumn,
  norm: number,
  signal?: AbortSignal,
): Promise<FeatureScaling> {
  const { dimension, present } = column;
  const rows = Int32Array.from(present.keys()).filter((row) => present[row] === 1);
  const count = Math.max(1, rows.length);
  const buffer = new Float32Array(Math.min(rows.length, rowsAtOnce) * dimension);
  // Moments about the first row, not about zero: there is nothing to cancel where a feature never changes.
  const origin = new Float64Array(dimension);
  const sum = new Float64Array(dimension);
  const squares = new Float64Array(dimension);
  for (let first = 0; first < rows.length; first += rowsAtOnce) {
    throwIfCancelled(signal, `while looking at ${column.modality} features`);
    const chunk = rows.subarray(first, first + rowsAtOnce);
    await column.read(chunk, buffer);
    if (first === 0) origin.set(buffer.subarray(0, dimension));
    for (let index = 0; index < chunk.length; index++)
      for (let feature = 0; feature < dimension; feature++) {
        const value = buffer[index * dimension + feature] ?? missing;
        const difference = value - (origin[feature] ?? missing);
        sum[feature] = (sum[feature] ?? missing) + difference;
        squares[feature] = (squares[feature] ?? missing) + difference * difference;
      }
  }
  const variance = squares.map((value, feature) => value / count - (itemAt(sum, feature) / count) ** 2);
  const size = norm / Math.sqrt(dimension);
  const smallest = 1e-6;
  return {
    mean: Float32Array.from(sum, (value, feature) => itemAt(origin, feature) + value / count),
    factor: Float32Array.from(variance, (value) => (value < smallest ** 2 ? 0 : size / Math.sqrt(value))),
  };
}

/** The column scaled as its rows are read; rows that lack the modality stay zero. */
export function applyScaling(column: FeatureColumn, { mean, factor }: FeatureScaling): FeatureColumn {
  const { modality, dimension, present, read } = column;
  return {
    modality,
    dimension,
    present,
    read: async (rows, into) => {
      await read(rows, into);
      for (let index = 0; index < rows.length; index++) {
        if (present[itemAt(rows, index)] === 0) continue;
        const offset = index * dimension;
        for (let feature = 0; feature < dimension; feature++)
          into[offset + feature] =
            ((into[offset + feature] ?? missing) - (mean[feature] ?? missing)) * (factor[feature] ?? missing);
      }
    },
  };
}
