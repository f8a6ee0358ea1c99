import {
  atLeast,
  cast,
  divide,
  exp,
  multiply,
  negate,
  scale,
  subtract,
  sumOf,
  tanh,
} from '../graph/operations/elementwise.ts';
import { stopGradient } from '../graph/operations/gradient.ts';
import { at } from '../graph/operations/layout.ts';
import type { Loss } from '../graph/operations/loss.ts';
import { sum } from '../graph/operations/reduction.ts';
import { greater } from '../graph/operations/selection.ts';
import { constant, type Value } from '../graph/value.ts';
import type { ModalityAnalysis } from './modality-analysis.ts';

/** α of OGM-GE, where its authors' results are steady (Peng et al. 2022, Fig. 5: 0.1 to 0.5). */
const ogmAlpha = 0.3;

/**
 * What multiplies the gradient of the modality that reaches most alone, γp, and of the others, γr. The paper asks for
 * γp > γr; these values are ours: with two modalities they keep the mean at 1.
 */
const pdmpFactors = { dominant: 1.5, others: 0.5 };

/** What a modality alone says of the batch. */
export interface UnimodalPrediction extends Loss {
  /** [B, 1]: 1 where the example has the modality, else 0. */
  presence?: Value;
}

/** How the modalities are balanced in training: which losses count, and how each adapter's gradient is scaled. */
export interface Strategy {
  /** Whether CE(f) counts. */
  fused: boolean;
  /** Whether the auxiliary losses γ Σ CE(u_m) count. */
  auxiliary: boolean;
  /** Whether gradients get noise of their own deviation, OGM-GE's generalization enhancement. */
  noise: boolean;
  /** Whether the modalities are ranked beforehand by what each reaches alone. */
  isRanked?: boolean;
  /**
   * What scales each adapter's gradient, as the difference from 1: scalars, undefined where nothing does.
   * @param dominant the place of the modality that reaches most alone; undefined where it is unknown
   */
  residuals?(analysis: ModalityAnalysis, unimodal: readonly UnimodalPrediction[], dominant?: number): Value[];
}

export const strategies = {
  /** Asymmetric Representation Learning: `1 + k_m` (docs/method.md, step 5). */
  arl: {
    fused: true,
    auxiliary: true,
    noise: false,
    residuals: ({ coefficient }, unimodal) => unimodal.map((_, m) => at(coefficient, m)),
  },
  /** The same with `k_m = 1/M`: what the authors' released code in effect runs. */
  uniform: {
    fused: true,
    auxiliary: true,
    noise: false,
    residuals: (_, unimodal) => unimodal.map(() => constant(1 / unimodal.length)),
  },
  /** The fused loss alone. */
  joint: { fused: true, auxiliary: false, noise: false },
  /** On-the-fly Gradient Modulation with Generalization Enhancement, Peng et al., CVPR 2022. */
  'ogm-ge': {
    fused: true,
    auxiliary: false,
    noise: true,
    residuals: (_, unimodal) => ogmCoefficients(unimodal).map((factor) => subtract(factor, constant(1))),
  },
  /** The performance-dominant modality first: it gets the larger factor (arXiv 2604.05773). */
  pdmp: {
    fused: true,
    auxiliary: false,
    noise: false,
    isRanked: true,
    residuals: (_, unimodal, dominant) =>
      unimodal.map((_, m) => {
        if (dominant === undefined) return constant(0);
        return constant((m === dominant ? pdmpFactors.dominant : pdmpFactors.others) - 1);
      }),
  },
  /** Each modality alone, trained side by side; with the fusion `late`, which shares nothing between them. */
  late: { fused: false, auxiliary: true, noise: false },
} satisfies Record<string, Strategy>;

export type StrategyName = keyof typeof strategies;

/**
 * OGM's factors: `1 - tanh(α ρ_m)` for a modality that is ahead of the others, `ρ_m > 1`, and 1 for one that is not;
 * `ρ_m = score_m / score_other`, score_m the mean likelihood of the truth, `softmax(u_m)[label]`, over the examples of the
 * batch that have the modality. With more than two modalities the other's score is the mean of the others'.
 * @returns a scalar for each modality, which nothing learns through
 */
export function ogmCoefficients(unimodal: readonly UnimodalPrediction[], alpha = ogmAlpha): Value[] {
  const scores = unimodal.map(({ perRow, presence }) => {
    const likelihoods = exp(negate(perRow));
    // Where every example has every modality, sums compare as means do.
    return presence
      ? divide(sum(multiply(likelihoods, presence)), atLeast(sum(presence), 1))
      : sum(likelihoods);
  });
  return scores.map((score, m) => {
    const others = scores.filter((_, other) => other !== m);
    if (others.length === 0) return constant(1);
    const ratio = divide(score, scale(sumOf(others), 1 / others.length));
    const isAhead = cast(greater(ratio, constant(1)), 'float32');
    return stopGradient(subtract(constant(1), multiply(isAhead, tanh(scale(ratio, alpha)))));
  });
}
