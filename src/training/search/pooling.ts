import { type AnswerFamily, dot } from '../../targets/answer-family.ts';

/**
 * Pooling of what several opinions of one example say: `η = Σ_j w_j o_j`, with weights that are the same for every
 * example. Of class probabilities (`o = log p`) it is the logarithmic opinion pool `softmax(η)`, with one opinion
 * temperature scaling (Guo et al. 2017), w = 1/T; of independent labels (`o` their logits) `sigmoid(η)`; of numbers
 * (`o` as they are) η itself, which is stacking (Breiman 1996). Each is a generalized linear model in the weights.
 */

/** One example's opinions: a row of numbers each. */
export type Opinions = readonly ArrayLike<number>[];

const mostSteps = 50;
const tolerance = 1e-8;
/** Where no opinion says anything of the labels, every class is about as likely; the order of the classes is kept. */
const leastWeight = 0.01;
/** Keeps weights finite where the opinions are right about every example. */
const ridge = 1e-3;

/**
 * The weights, none negative, that make the truth likeliest (with a little ridge towards the plain mean). The negative log
 * likelihood is convex in them: where its minimum has a negative weight, the best lies where some weights are zero, and all
 * such places are looked at. Where it lies at none at all, each gets a very small one.
 * @returns one weight for each opinion
 * @example const [inverseTemperature] = fitPooling(oneLabel, rows.map((row) => [row]), labels.map((label) => [label]));
 */
export function fitPooling(
  family: AnswerFamily,
  examples: readonly Opinions[],
  truth: readonly ArrayLike<number>[],
): number[] {
  const count = examples[0].length;
  const all = Array.from({ length: count }, (_, index) => index);
  const fitWith = (taken: readonly number[]) => {
    const { weights, loss } = newton(
      family,
      examples.map((opinions) => taken.map((index) => opinions[index])),
      truth,
      1 / count,
    );
    const isFeasible = weights.every((weight) => weight > 0);
    // The ridge of those that are left out.
    const penalized = loss + ((count - taken.length) * ridge) / (2 * count ** 2);
    return { isFeasible, loss: penalized, weights: all.map((index) => weights[taken.indexOf(index)] ?? 0) };
  };
  const unconstrained = fitWith(all);
  if (unconstrained.isFeasible) return unconstrained.weights;
  const feasible = properSubsets(all)
    .map(fitWith)
    .filter(({ isFeasible }) => isFeasible);
  if (feasible.length === 0) return all.map(() => leastWeight / count);
  return feasible.reduce((best, other) => (other.loss < best.loss ? other : best)).weights;
}

/** Every choice of some elements, but not none and not all. */
function properSubsets<Element>(elements: readonly Element[]): Element[][] {
  return Array.from({ length: 2 ** elements.length - 2 }, (_, index) =>
    elements.filter((_, place) => (((index + 1) >> place) & 1) === 1),
  );
}

/** `η = Σ_j w_j o_j` of one example. */
export function pool(opinions: Opinions, weights: readonly number[]): Float64Array {
  const pooled = new Float64Array(opinions[0].length);
  for (const [index, opinion] of opinions.entries())
    for (let k = 0; k < pooled.length; k++) pooled[k] += weights[index] * opinion[k];
  return pooled;
}

function newton(
  family: AnswerFamily,
  examples: readonly Opinions[],
  truth: readonly ArrayLike<number>[],
  start: number,
): { weights: number[]; loss: number } {
  const size = examples[0].length;
  const lossOf = (weights: readonly number[]) =>
    examples.reduce((sum, opinions, row) => sum + family.loss(pool(opinions, weights), truth[row]), 0) /
      examples.length +
    (ridge / 2) * weights.reduce((sum, value) => sum + (value - start) ** 2, 0);
  let weights = new Array<number>(size).fill(start);
  let current = lossOf(weights);
  for (let step = 0; step < mostSteps; step++) {
    const gradient = weights.map((value) => ridge * (value - start));
    const hessian = weights.map((_, i) => weights.map((_, j) => (i === j ? ridge : 0)));
    for (const [row, opinions] of examples.entries()) {
      const expected = family.expect(pool(opinions, weights));
      for (let i = 0; i < size; i++) {
        gradient[i] +=
          (dot(expected, opinions[i]) - family.product(truth[row], opinions[i])) / examples.length;
        for (let j = 0; j <= i; j++) {
          const covariance = family.covariance(expected, opinions[i], opinions[j]) / examples.length;
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
      reached = lossOf(next);
      length /= 2;
    } while (reached > current && length > 1e-6);
    if (current - reached < tolerance) break;
    weights = next;
    current = reached;
  }
  return { weights, loss: current };
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
