import {
  add,
  atLeast,
  divide,
  multiply,
  reciprocal,
  scale,
  subtract,
  sumOf,
} from '../graph/operations/elementwise.ts';
import { stopGradient } from '../graph/operations/gradient.ts';
import { concat, gather, reshape } from '../graph/operations/layout.ts';
import { softmax } from '../graph/operations/normalization.ts';
import { sum, sumOfAbsolutes, sumOfSquares } from '../graph/operations/reduction.ts';
import { constant, integers, type Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';

/** What a step knows of each modality, every one a vector [M] that nothing learns through. */
export interface ModalityAnalysis {
  /** H: the proxy of the variance. */
  variance: Value;
  /** q: the share of the decision that inverse-variance weighting gives to the modality. */
  target: Value;
  /** d: the share of the decision that rests on the modality now. */
  dependence: Value;
  /** k: how much of its gradient the modality's encoder gets on top. Sums to 1. */
  coefficient: Value;
}

/** One modality's auxiliary predictions on a batch. */
export interface UnimodalPrediction {
  /** `u_m` [B, C]. */
  logits: Value;
  /** [B, 1]: 1 where the example has the modality, else 0. Absent where every example has it. */
  presence?: Value;
}

/** Keeps the shares finite where every modality is certain, every logit zero, or a modality missing from the batch. */
const tiny = 1e-12;

/**
 * H by the paper: the mean entropy of a modality's predictions, natural logarithm.
 * @param entropy summed over the examples that have the modality: a scalar
 */
export function meanEntropy(entropy: Value, { logits, presence }: UnimodalPrediction): Value {
  return batchMean(entropy, logits, presence);
}

/**
 * H as what the entropy stands for: the variance of a modality's predictions over several passes, each with other
 * features dropped (Gal and Ghahramani 2016); summed over the classes, its mean over the examples.
 * @param passes the predictions [B, C] of each pass, two or more
 */
export function dropoutVariance(passes: readonly Value[], { presence }: UnimodalPrediction): Value {
  const centre = scale(sumOf(passes), 1 / passes.length);
  const squares = passes.map((pass) => {
    const difference = withPresence(subtract(pass, centre), presence);
    return sumOfSquares(difference);
  });
  return batchMean(scale(sumOf(squares), 1 / passes.length), centre, presence);
}

/**
 * q, d and k of a batch (docs/method.md, steps 1 to 3). Means are over the examples that have the modality.
 * @param variances H of each modality: scalars
 * @param temperature T of the softmax over modalities
 */
export function analyseModalities(
  unimodal: readonly UnimodalPrediction[],
  variances: readonly Value[],
  temperature: number,
): ModalityAnalysis {
  const M = unimodal.length;

  const H = vector(variances);
  const s = atLeast(shares(H), 0.6 / M);
  const q = shares(reciprocal(s));

  const d = shares(
    vector(
      unimodal.map(({ logits, presence }) =>
        batchMean(sumOfAbsolutes(withPresence(logits, presence)), logits, presence),
      ),
    ),
  );

  // r_m = q_m · Π_{j≠m} d_j: each turn of the vector puts another modality's d in place m.
  let r = q;
  for (let turn = 1; turn < M; turn++) {
    const order = Array.from({ length: M }, (_, m) => (m + turn) % M);
    r = multiply(r, gather(d, integers(order)));
  }
  const k = softmax(scale(r, temperature));

  return {
    variance: stopGradient(H),
    target: stopGradient(q),
    dependence: stopGradient(d),
    coefficient: stopGradient(k),
  };
}

function withPresence(x: Value, presence?: Value): Value {
  return presence ? multiply(x, presence) : x;
}

function batchMean(total: Value, { shape }: Value, presence?: Value): Value {
  if (presence) return divide(total, add(sum(presence), constant(tiny)));
  return scale(total, 1 / itemAt(shape, 0));
}

function vector(scalars: readonly Value[]): Value {
  return concat(
    scalars.map((value) => reshape(value, [1])),
    0,
  );
}

function shares(x: Value): Value {
  const positive = add(x, constant(tiny));
  return divide(positive, sum(positive, [0], { keepAxes: true }));
}
