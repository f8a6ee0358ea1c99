import { itemAt } from '../../indexing.ts';
import { type AnswerFamily, dot, missing } from '../../targets/answer-family.ts';

/**
 * Pooling of what several predictions of one example say: `η = Σ_j w_j o_j`, with weights that are the same for every
 * example. Of class probabilities (`o = log p`) it is the logarithmic opinion pool `softmax(η)`, with one prediction
 * temperature scaling (Guo et al. 2017), w = 1/T; of independent labels (`o` their logits) `sigmoid(η)`; of numbers
 * (`o` as they are) η itself, which is stacking (Breiman 1996). Each is a generalized linear model in the weights.
 */

/** One example's predictions: a row of numbers each. */
export type Predictions = readonly ArrayLike<number>[];

const mostSteps = 50;
const tolerance = 1e-8;
/** Where no prediction says anything of the labels, every class is about as likely; the order of the classes is kept. */
const leastWeight = 0.01;
/** Keeps weights finite where the predictions are right about every example. */
const usualRidge = 1e-3;

/** What the weights are drawn to while examples are few. */
export interface PoolingPrior {
  /** Weights, none negative. */
  towards: readonly number[];
  /** How strongly: the mean loss has half of it times the squared distance beside it. */
  ridge: number;
}

/**
 * The weights, none negative, that make the truth likeliest. The negative log
 * likelihood is convex in them: where its minimum has a negative weight, the best lies where some weights are zero, and all
 * such places are looked at. Where it lies at none at all, each gets a very small one.
 * @param prior by default a little ridge towards the plain mean
 * @returns one weight for each prediction
 * @example const [inverseTemperature] = fitPooling(oneLabel, rows.map((row) => [row]), labels.map((label) => [label]));
 */
export function fitPooling(
  family: AnswerFamily,
  examples: readonly Predictions[],
  truth: readonly ArrayLike<number>[],
  prior?: PoolingPrior,
): number[] {
  const judged = examples.map((predictions, row) => ({ predictions, truth: itemAt(truth, row) }));
  const count = itemAt(examples, 0).length;
  const all = Array.from({ length: count }, (_, index) => index);
  const { towards, ridge } = prior ?? { towards: all.map(() => 1 / count), ridge: usualRidge };
  const fitWith = (taken: readonly number[]) => {
    const { weights, loss } = newton(
      family,
      judged.map(({ predictions, truth }) => ({
        predictions: taken.map((index) => itemAt(predictions, index)),
        truth,
      })),
      { towards: taken.map((index) => itemAt(towards, index)), ridge },
    );
    const isFeasible = weights.every((weight) => weight > 0);
    // The ridge of those that are left out.
    const leftOut = all.filter((index) => !taken.includes(index)).map((index) => itemAt(towards, index));
    const penalized = loss + (ridge / 2) * leftOut.reduce((sum, value) => sum + value ** 2, 0);
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
export function pool(predictions: Predictions, weights: readonly number[]): Float64Array {
  const pooled = new Float64Array(itemAt(predictions, 0).length);
  for (const [index, prediction] of predictions.entries()) {
    const weight = weights[index] ?? missing;
    for (let k = 0; k < pooled.length; k++)
      pooled[k] = (pooled[k] ?? missing) + weight * (prediction[k] ?? missing);
  }
  return pooled;
}

interface Judged {
  predictions: Predictions;
  truth: ArrayLike<number>;
}

function newton(
  family: AnswerFamily,
  examples: readonly Judged[],
  { towards, ridge }: PoolingPrior,
): { weights: number[]; loss: number } {
  const lossOf = (weights: readonly number[]) =>
    examples.reduce(
      (sum, { predictions, truth }) => sum + family.loss(pool(predictions, weights), truth),
      0,
    ) /
      examples.length +
    (ridge / 2) * weights.reduce((sum, value, index) => sum + (value - itemAt(towards, index)) ** 2, 0);
  let weights = [...towards];
  let current = lossOf(weights);
  for (let step = 0; step < mostSteps; step++) {
    const { gradient, hessian } = derivatives(family, examples, weights, { towards, ridge });
    const direction = solve(hessian, gradient);
    let length = 1;
    let next = weights;
    let reached = current;
    do {
      next = weights.map((value, index) => value - length * itemAt(direction, index));
      reached = lossOf(next);
      length /= 2;
    } while (reached > current && length > 1e-6);
    if (current - reached < tolerance) break;
    weights = next;
    current = reached;
  }
  return { weights, loss: current };
}

/** Of the loss by the weights; of the Hessian the lower triangle, row by row. */
function derivatives(
  family: AnswerFamily,
  examples: readonly Judged[],
  weights: readonly number[],
  { towards, ridge }: PoolingPrior,
): { gradient: number[]; hessian: number[][] } {
  const gradient = new Float64Array(weights.length);
  const covariances = weights.map((_, index) => new Float64Array(index + 1));
  for (const { predictions, truth } of examples) {
    const expected = family.expect(pool(predictions, weights));
    for (const [i, prediction] of predictions.entries()) {
      gradient[i] = (gradient[i] ?? missing) + dot(expected, prediction) - family.product(truth, prediction);
      const row = itemAt(covariances, i);
      for (let j = 0; j <= i; j++)
        row[j] = (row[j] ?? missing) + family.covariance(expected, prediction, itemAt(predictions, j));
    }
  }
  return {
    gradient: weights.map(
      (value, i) => ridge * (value - itemAt(towards, i)) + itemAt(gradient, i) / examples.length,
    ),
    hessian: covariances.map((row, i) =>
      Array.from(row, (sum, j) => (i === j ? ridge : 0) + sum / examples.length),
    ),
  };
}

/**
 * Solves a small positive definite system by Cholesky's decomposition.
 * @param matrix its lower triangle, row by row
 */
function solve(matrix: readonly number[][], right: readonly number[]): number[] {
  const lower: number[][] = [];
  for (const row of matrix) {
    const own: number[] = [];
    for (const above of lower) own.push((itemAt(row, own.length) - dot(own, above)) / itemAt(above, -1));
    own.push(Math.sqrt(itemAt(row, -1) - dot(own, own)));
    lower.push(own);
  }
  const forward: number[] = [];
  for (const [i, row] of lower.entries())
    forward.push((itemAt(right, i) - dot(forward, row)) / itemAt(row, -1));
  // From the last unknown to the first: what is known of the solution lies behind.
  let solution: number[] = [];
  for (const [i, row] of [...lower.entries()].reverse()) {
    const column = lower.slice(i + 1).map((below) => itemAt(below, i));
    solution = [(itemAt(forward, i) - dot(solution, column)) / itemAt(row, -1), ...solution];
  }
  return solution;
}
