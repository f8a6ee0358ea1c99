/**
 * Logarithmic opinion pooling: what several opinions of one example say together is `softmax(Σ_j w_j log p_j)`, with
 * weights that are the same for every example. With one opinion it is temperature scaling (Guo et al. 2017), w = 1/T.
 */

/** One example's opinions: rows of log-probabilities over the classes. */
export type Opinions = readonly ArrayLike<number>[];

const mostSteps = 50;
const tolerance = 1e-8;
/** Where no opinion says anything of the labels, every class is about as likely; the order of the classes is kept. */
const leastWeight = 0.01;
/** Keeps weights finite where the opinions are right about every example. */
const ridge = 1e-3;

/**
 * The weights, none negative, that make the labels likeliest: the negative log likelihood is convex in them, and Newton's
 * method finds its minimum. An opinion whose weight would be negative is left out, unless all would be.
 * @returns one weight for each opinion
 * @example const [inverseTemperature] = fitPooling(rows.map((row) => [row]), labels);
 */
export function fitPooling(examples: readonly Opinions[], labels: ArrayLike<number>): number[] {
  const count = examples[0].length;
  let taken = Array.from({ length: count }, (_, index) => index);
  for (;;) {
    const weights = newton(examples, labels, taken);
    const kept = taken.filter((_, place) => weights[place] > 0);
    if (kept.length === taken.length || kept.length === 0) {
      const result = new Array<number>(count).fill(0);
      for (const [place, index] of taken.entries()) result[index] = Math.max(weights[place], 0);
      return kept.length === 0 ? result.fill(leastWeight / count) : result;
    }
    taken = kept;
  }
}

/** `log softmax(Σ_j w_j log p_j)` of one example. */
export function pool(opinions: Opinions, weights: readonly number[]): Float64Array {
  const pooled = new Float64Array(opinions[0].length);
  for (const [index, opinion] of opinions.entries())
    for (let label = 0; label < pooled.length; label++) pooled[label] += weights[index] * opinion[label];
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of pooled) largest = Math.max(largest, value);
  let total = 0;
  for (const value of pooled) total += Math.exp(value - largest);
  const normalizer = largest + Math.log(total);
  return pooled.map((value) => value - normalizer);
}

function newton(
  examples: readonly Opinions[],
  labels: ArrayLike<number>,
  taken: readonly number[],
): number[] {
  const size = taken.length;
  let weights = new Array<number>(size).fill(1 / size);
  const chosen = examples.map((opinions) => taken.map((index) => opinions[index]));
  const start = weights;
  const penalty = (w: readonly number[]) =>
    (ridge / 2) * w.reduce((sum, value, index) => sum + (value - start[index]) ** 2, 0);
  const loss = (w: readonly number[]) =>
    chosen.reduce((sum, opinions, row) => sum - pool(opinions, w)[labels[row]], 0) / chosen.length +
    penalty(w);
  let current = loss(weights);
  for (let step = 0; step < mostSteps; step++) {
    const gradient = weights.map((value, index) => ridge * (value - start[index]));
    const hessian = weights.map((_, i) => weights.map((_, j) => (i === j ? ridge : 0)));
    for (const [row, opinions] of chosen.entries()) {
      const logProbabilities = pool(opinions, weights);
      const means = new Array<number>(size).fill(0);
      const products = weights.map(() => new Array<number>(size).fill(0));
      for (let label = 0; label < logProbabilities.length; label++) {
        const p = Math.exp(logProbabilities[label]);
        for (let i = 0; i < size; i++) {
          means[i] += p * opinions[i][label];
          for (let j = 0; j <= i; j++) products[i][j] += p * opinions[i][label] * opinions[j][label];
        }
      }
      for (let i = 0; i < size; i++) {
        gradient[i] += (means[i] - opinions[i][labels[row]]) / chosen.length;
        for (let j = 0; j <= i; j++) {
          const covariance = (products[i][j] - means[i] * means[j]) / chosen.length;
          hessian[i][j] += covariance;
          if (i !== j) hessian[j][i] += covariance;
        }
      }
    }
    const direction = solve(hessian, gradient);
    let length = 1;
    let next = weights;
    let reached = current;
    do {
      next = weights.map((value, index) => value - length * direction[index]);
      reached = loss(next);
      length /= 2;
    } while (reached > current && length > 1e-6);
    if (current - reached < tolerance) break;
    weights = next;
    current = reached;
  }
  return weights;
}

/** Solves a small positive definite system by Cholesky's decomposition. */
function solve(matrix: readonly number[][], right: readonly number[]): number[] {
  const size = right.length;
  const lower = matrix.map((row) => [...row]);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = lower[i][j];
      for (let k = 0; k < j; k++) sum -= lower[i][k] * lower[j][k];
      lower[i][j] = i === j ? Math.sqrt(sum) : sum / lower[j][j];
    }
  const forward: number[] = [];
  for (let i = 0; i < size; i++) {
    let sum = right[i];
    for (let k = 0; k < i; k++) sum -= lower[i][k] * forward[k];
    forward.push(sum / lower[i][i]);
  }
  const solution = new Array<number>(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    let sum = forward[i];
    for (let k = i + 1; k < size; k++) sum -= lower[k][i] * solution[k];
    solution[i] = sum / lower[i][i];
  }
  return solution;
}
