import { add, multiply, sumOf } from '../graph/operations/elementwise.ts';
import { transformGradient } from '../graph/operations/gradient.ts';
import { constant, type Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';
import { adapt } from './adapter.ts';
import type { HeadArchitecture } from './architecture.ts';
import { fusions, type Logits } from './fusion.ts';
import {
  analyseModalities,
  dropoutVariance,
  type ModalityAnalysis,
  meanEntropy,
} from './modality-analysis.ts';
import type { Parameters } from './parameters.ts';
import { type Strategy, type StrategyName, strategies } from './strategy.ts';

/** What stands for the variance of a modality's predictions: their entropy, as in the paper, or what dropout shows. */
export type VarianceProxy = 'entropy' | 'dropout';

export interface ObjectiveSettings {
  strategy: StrategyName;
  /** H; the entropy where absent. */
  variance?: VarianceProxy;
  /** The place of the modality that reaches most alone, for strategies that rank them. */
  dominantIndex?: number;
  /** T of docs/method.md, step 3. */
  temperature: number;
  /** Label smoothing ε of every cross entropy; 0 where absent. */
  smoothing?: number;
  /** γ, the weight of the auxiliary losses: a scalar, so that a warm-up can change it from step to step. */
  gamma: Value;
  /** Scalar: 1 where the gradient residual is on, 0 during the warm-up. */
  residual: Value;
  /**
   * Where the residual acts. On the `gradient` it is the paper's; optimizers that normalise gradients, as Adam does,
   * undo it there, so for them it scales the `update`.
   */
  residualOn: 'gradient' | 'update';
}

export interface Objective {
  /** CE(f) + γ Σ CE(u_m), summed over the batch: a scalar. */
  loss: Value;
  logits: Logits;
  analysis: ModalityAnalysis;
  /** `1 + k_m` (or what the strategy has in its place) for the update of each modality's adapter, or undefined where the residual acts on the gradient. */
  updateScales?: Value[];
}

/** The logits of a head: `f` and every `u_m`, from the features `x_m` [B, D_m]. */
export function headLogits(
  architecture: HeadArchitecture,
  x: readonly Value[],
  parameters: Parameters,
): Logits {
  const z = x.map((feature, m) => adapt(architecture.adapter, m, feature, parameters));
  return fusions[architecture.fusion].logits(z, parameters, architecture.target);
}

export interface Batch {
  /** `x_m` [B, D_m]. */
  features: readonly Value[];
  /** As the target has it: [B], int32, the labels; or [B, C]. */
  truth: Value;
  /** [B, 1]: how much each example counts; all alike where absent. */
  weights?: Value;
  /**
   * [B, 1] for each modality: 1 where the example has it, else 0. An example teaches the auxiliary predictors of what
   * it has, and the fusion sees `z_m = 0` for what it lacks. Absent where every example has every modality.
   */
  presence?: readonly Value[];
  /** The features again with others of them dropped, one list for each further pass, for the variance that dropout shows. */
  passes?: readonly (readonly Value[])[];
}

/**
 * The training objective on a batch (docs/method.md, "One training step").
 * @throws Error where the variance is to come from dropout and there are no further passes, or from an entropy that the
 *   target does not have
 */
export function objective(
  architecture: HeadArchitecture,
  settings: ObjectiveSettings,
  { features, truth, weights, presence, passes = [] }: Batch,
  parameters: Parameters,
): Objective {
  const { strategy, gamma, residual, residualOn, temperature, smoothing = 0 } = settings;
  const { target } = architecture;
  const fuse = (z: readonly Value[]) => fusions[architecture.fusion].logits(z, parameters, target);

  const adapted = (x: readonly Value[]) =>
    x.map((feature, m) => {
      const value = adapt(architecture.adapter, m, feature, parameters);
      return presence ? multiply(value, itemAt(presence, m)) : value;
    });
  const z = adapted(features);
  const balance: Strategy = strategies[strategy];
  const before = fuse(z).unimodal.map((u, m) => ({
    logits: u,
    presence: presence?.[m],
    ...target.judge(u, truth, { weights: presence?.[m], smoothing }),
  }));
  const others = passes.map((x) => fuse(adapted(x)).unimodal);
  const variances = before.map((prediction, m) => {
    if (settings.variance !== 'dropout') {
      if (!prediction.entropy) throw new Error('the predictions of this target have no entropy');
      return meanEntropy(prediction.entropy, prediction);
    }
    if (others.length === 0) throw new Error('the variance that dropout shows takes further passes');
    const predictions = others.map((unimodal) => target.judge(itemAt(unimodal, m), truth).predictions);
    return dropoutVariance([prediction.predictions, ...predictions], prediction);
  });
  const analysis = analyseModalities(before, variances, temperature);

  // Step 5, the gradient residual: g + k_m g on its way into adapter m. The forward pass is untouched, so what was
  // computed before is what is computed now, and is written once.
  const factors = balance
    .residuals?.(analysis, before, settings.dominantIndex)
    .map((difference) => add(constant(1), multiply(residual, difference)));
  const modulated =
    factors && residualOn === 'gradient'
      ? z.map((value, m) => transformGradient(value, (g) => multiply(g, itemAt(factors, m))))
      : z;

  const logits = fuse(modulated);
  const weigh = (m: number) => productOf([weights, presence?.[m]]);
  const auxiliary = sumOf(
    logits.unimodal.map((u, m) => target.judge(u, truth, { weights: weigh(m), smoothing }).loss),
  );
  const loss = sumOf([
    ...(balance.fused ? [target.judge(logits.fused, truth, { weights, smoothing }).loss] : []),
    ...(balance.auxiliary ? [balance.fused ? multiply(gamma, auxiliary) : auxiliary] : []),
  ]);
  return {
    loss,
    logits,
    analysis,
    updateScales: residualOn === 'update' ? factors : undefined,
  };
}

function productOf(factors: readonly (Value | undefined)[]): Value | undefined {
  return factors.reduce((product, factor) =>
    product && factor ? multiply(product, factor) : (product ?? factor),
  );
}
