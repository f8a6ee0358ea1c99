import { Random } from '../../../random.ts';
import { type Dense, missing, type SparseRows, times, transposedTimes, zeros } from './sparse-rows.ts';

/** Times that the rows are multiplied with themselves, which brings the small directions down. */
const iterations = 2;
/** What is left of a column after others are taken off is rounding, where it is a smaller share. */
const tiny = 1e-9;

/**
 * The projection of sparse rows to the directions in which they differ most: those of the largest singular values, by subspace
 * iteration (Halko, Martinsson and Tropp 2011, algorithm 4.4), scaled so that the projected rows have the same spread in every
 * direction and none of two directions says what the other does. The same rows give the same bits.
 * @param columns of the rows
 * @param count of directions; at most as many as there are rows
 * @returns [columns, count]
 * @example const { values } = mainDirections(rows, 16_384, 256);
 */
export function mainDirections(sparse: SparseRows, columns: number, count: number): Dense {
  const random = new Random(0, 'directions');
  let basis = zeros(sparse.length, count);
  for (let index = 0; index < basis.values.length; index++) basis.values[index] = random.nextFloat() - 0.5;
  for (let step = 0; step < iterations; step++) {
    orthonormalise(basis);
    basis = times(sparse, transposedTimes(sparse, columns, basis));
  }
  orthonormalise(basis);
  // A V = Q, for Q of orthonormal columns: V = Aᵀ Q (Qᵀ A Aᵀ Q)⁻¹.
  const image = times(sparse, transposedTimes(sparse, columns, basis));
  return transposedTimes(sparse, columns, solveFrom(basis, columnsOf(image)));
}

/** The columns of a matrix, each in one piece. */
function columnsOf({ rows, columns, values }: Dense): Float64Array[] {
  return Array.from({ length: columns }, (_, column) => {
    const own = new Float64Array(rows);
    for (let row = 0; row < rows; row++) own[row] = values[row * columns + column] ?? missing;
    return own;
  });
}

/** Makes the columns orthonormal (modified Gram and Schmidt); one that depends on others becomes 0. */
function orthonormalise(matrix: Dense): void {
  const columns = columnsOf(matrix);
  for (const [index, column] of columns.entries()) {
    const before = Math.sqrt(dot(column, column));
    for (let other = 0; other < index; other++) {
      const earlier = columns[other] ?? column;
      subtract(column, earlier, dot(column, earlier));
    }
    const length = Math.sqrt(dot(column, column));
    const factor = length <= tiny * before ? 0 : 1 / length;
    for (let row = 0; row < matrix.rows; row++) {
      const value = (column[row] ?? missing) * factor;
      column[row] = value;
      matrix.values[row * matrix.columns + index] = value;
    }
  }
}

/** `Q (Qᵀ Y)⁻¹` for a symmetric `Qᵀ Y`, by Cholesky's decomposition; a direction that the rows do not have stays 0. */
function solveFrom(basis: Dense, image: readonly Float64Array[]): Dense {
  const lower = cholesky(columnsOf(basis), image);
  const { rows, columns: count } = basis;
  const solved = zeros(rows, count);
  for (let row = 0; row < rows; row++) {
    const own = solved.values.subarray(row * count, (row + 1) * count);
    own.set(basis.values.subarray(row * count, (row + 1) * count));
    for (let i = 0; i < count; i++) {
      const factors = lower[i] ?? own;
      let rest = own[i] ?? missing;
      for (let j = 0; j < i; j++) rest -= (factors[j] ?? missing) * (own[j] ?? missing);
      own[i] = rest * (factors[i] ?? missing);
    }
    for (let i = count - 1; i >= 0; i--) {
      const factors = lower[i] ?? own;
      const value = (own[i] ?? missing) * (factors[i] ?? missing);
      own[i] = value;
      for (let j = 0; j < i; j++) own[j] = (own[j] ?? missing) - (factors[j] ?? missing) * value;
    }
  }
  return solved;
}

/** The lower triangle of `Qᵀ Y = L Lᵀ`, row by row, with 1 / L on the diagonal; 0 there where a row depends on others. */
function cholesky(basis: readonly Float64Array[], image: readonly Float64Array[]): Float64Array[] {
  const lower: Float64Array[] = [];
  for (const [i, column] of basis.entries()) {
    const own = new Float64Array(i + 1);
    let rest = dot(column, image[i] ?? column);
    const whole = rest;
    for (const [j, above] of lower.entries()) {
      let value = dot(column, image[j] ?? column);
      for (let k = 0; k < j; k++) value -= (own[k] ?? missing) * (above[k] ?? missing);
      own[j] = value * (above[j] ?? missing);
      rest -= (own[j] ?? missing) ** 2;
    }
    own[i] = rest <= tiny * whole ? 0 : 1 / Math.sqrt(rest);
    lower.push(own);
  }
  return lower;
}

function dot(a: Float64Array, b: Float64Array): number {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  const whole = a.length - (a.length % 4);
  for (let index = 0; index < whole; index += 4) {
    first += (a[index] ?? missing) * (b[index] ?? missing);
    second += (a[index + 1] ?? missing) * (b[index + 1] ?? missing);
    third += (a[index + 2] ?? missing) * (b[index + 2] ?? missing);
    fourth += (a[index + 3] ?? missing) * (b[index + 3] ?? missing);
  }
  for (let index = whole; index < a.length; index++) first += (a[index] ?? missing) * (b[index] ?? missing);
  return first + second + third + fourth;
}

function subtract(from: Float64Array, other: Float64Array, factor: number): void {
  for (let index = 0; index < from.length; index++)
    from[index] = (from[index] ?? missing) - factor * (other[index] ?? missing);
}
