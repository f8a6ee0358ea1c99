import {
  add,
  atLeast,
  divide,
  multiply,
  negate,
  reciprocal,
  scale,
} from '../graph/operations/elementwise.ts';
import { stopGradient } from '../graph/operations/gradient.ts';
import { concat, gather, reshape } from '../graph/operations/layout.ts';
import { softmax } from '../graph/operations/normalization.ts';
import { dot, sum, sumOfAbsolutes } from '../graph/operations/reduction.ts';
import { constant, integers, type Value } from '../graph/value.ts';

/** What a step knows of each modality, every one a vector [M] that nothing learns through. */
export interface ModalityAnalysis {
  /** H: mean entropy of `softmax(u_m)`, the proxy of the variance. Natural logarithm. */
  entropy: Value;
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
  probabilities: Value;
  logProbabilities: Value;
  /** [B, 1]: 1 where the example has the modality, else 0. Absent where every example has it. */
  presence?: Value;
}

/** Keeps the shares finite where every modality is certain, every logit zero, or a modality missing from the batch. */
const tiny = 1e-12;

/**
 * H, q, d and k of a batch (METHOD.md, steps 1 to 3). Means are over the examples that have the modality.
 * @param temperature T of the softmax over modalities
 */
export function analyseModalities(
  unimodal: readonly UnimodalPrediction[],
  temperature: number,
): ModalityAnalysis {
  const M = unimodal.length;

  const H = vector(
    unimodal.map(({ probabilities, logProbabilities, logits, presence }) =>
      negate(batchMean(dot(withPresence(probabilities, presence), logProbabilities), logits, presence)),
    ),
  );
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

  const [entropy, target, dependence, coefficient] = [H, q, d, k].map(stopGradient);
  return { entropy, target, dependence, coefficient };
}

function withPresence(x: Value, presence?: Value): Value {
  return presence ? multiply(x, presence) : x;
}

function batchMean(total: Value, { shape: [B] }: Value, presence?: Value): Value {
  return presence ? divide(total, add(sum(presence), constant(tiny))) : scale(total, 1 / B);
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
