/** What an index beyond an array's end would give: it would show in every figure. */
export const missing = Number.NaN;

/** The numbers of a row that are not 0. */
export interface SparseRow {
  /** The column of each. */
  places: Uint16Array;
  weights: Float32Array;
}

/** A matrix of rows few of whose numbers are not 0. */
export type SparseRows = readonly SparseRow[];

/** A dense matrix, row-major. */
export interface Dense {
  rows: number;
  columns: number;
  values: Float64Array;
}

/** A matrix of zeros. */
export function zeros(rows: number, columns: number): Dense {
  return { rows, columns, values: new Float64Array(rows * columns) };
}

/** `Aᵀ Q` [columns of A, columns of Q]. */
export function transposedTimes(
  sparse: SparseRows,
  columns: number,
  { columns: width, values }: Dense,
): Dense {
  const product = zeros(columns, width);
  for (const [row, { places, weights }] of sparse.entries()) {
    const own = values.subarray(row * width, (row + 1) * width);
    for (let index = 0; index < places.length; index++) {
      const start = (places[index] ?? missing) * width;
      addScaled(product.values, start, own, 0, weights[index] ?? missing, width);
    }
  }
  return product;
}

/** `A W` [rows of A, columns of W]. */
export function times(sparse: SparseRows, { columns: width, values }: Dense): Dense {
  const product = zeros(sparse.length, width);
  for (const [row, { places, weights }] of sparse.entries())
    for (let index = 0; index < places.length; index++) {
      const start = (places[index] ?? missing) * width;
      addScaled(product.values, row * width, values, start, weights[index] ?? missing, width);
    }
  return product;
}

function addScaled(
  into: Float64Array,
  at: number,
  values: Float64Array,
  from: number,
  factor: number,
  count: number,
): void {
  for (let k = 0; k < count; k++)
    into[at + k] = (into[at + k] ?? missing) + factor * (values[from + k] ?? missing);
}
