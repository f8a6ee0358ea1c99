import { add, multiply, sumOf } from '../graph/operations/elementwise.ts';
import { transformGradient } from '../graph/operations/gradient.ts';
import { crossEntropy } from '../graph/operations/loss.ts';
import { constant, type Value } from '../graph/value.ts';
import { adapt } from './adapter.ts';
import type { HeadArchitecture } from './architecture.ts';
import { fusions, type Logits } from './fusion.ts';
import { analyseModalities, type ModalityAnalysis } from './modality-analysis.ts';
import type { Parameters } from './parameters.ts';
import { type Strategy, type StrategyName, strategies } from './strategy.ts';

export interface ObjectiveSettings {
  strategy: StrategyName;
  /** T of METHOD.md, step 3. */
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
  return fusions[architecture.fusion].logits(z, parameters);
}

export interface Batch {
  /** `x_m` [B, D_m]. */
  features: readonly Value[];
  /** [B], int32. */
  labels: Value;
  /**
   * [B, 1] for each modality: 1 where the example has it, else 0. An example teaches the auxiliary predictors of what
   * it has, and the fusion sees `z_m = 0` for what it lacks. Absent where every example has every modality.
   */
  presence?: readonly Value[];
}

/** The training objective on a batch (METHOD.md, "One training step"). */
export function objective(
  architecture: HeadArchitecture,
  settings: ObjectiveSettings,
  { features, labels, presence }: Batch,
  parameters: Parameters,
): Objective {
  const { strategy, gamma, residual, residualOn, temperature, smoothing = 0 } = settings;
  const fusion = fusions[architecture.fusion];

  const z = features.map((x, m) => {
    const adapted = adapt(architecture.adapter, m, x, parameters);
    return presence ? multiply(adapted, presence[m]) : adapted;
  });
  const balance: Strategy = strategies[strategy];
  const before = fusion.logits(z, parameters).unimodal.map((logits, m) => {
    const weights = presence?.[m];
    return { logits, presence: weights, ...crossEntropy(logits, labels, { weights, smoothing }) };
  });
  const analysis = analyseModalities(before, temperature);

  // Step 5, the gradient residual: g + k_m g on its way into adapter m. The forward pass is untouched, so what was
  // computed before is what is computed now, and is written once.
  const factors = balance
    .residuals?.(analysis, before)
    .map((difference) => add(constant(1), multiply(residual, difference)));
  const modulated =
    factors && residualOn === 'gradient'
      ? z.map((value, m) => transformGradient(value, (g) => multiply(g, factors[m])))
      : z;

  const logits = fusion.logits(modulated, parameters);
  const auxiliary = sumOf(
    logits.unimodal.map((u, m) => crossEntropy(u, labels, { weights: presence?.[m], smoothing }).loss),
  );
  const loss = sumOf([
    ...(balance.fused ? [crossEntropy(logits.fused, labels, { smoothing }).loss] : []),
    ...(balance.auxiliary ? [balance.fused ? multiply(gamma, auxiliary) : auxiliary] : []),
  ]);
  return {
    loss,
    logits,
    analysis,
    updateScales: residualOn === 'update' ? factors : undefined,
  };
}
