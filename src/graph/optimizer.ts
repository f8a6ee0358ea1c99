import {
  add,
  divide,
  minimum,
  multiply,
  negate,
  scale,
  sqrt,
  subtract,
  sumOf,
} from './operations/elementwise.ts';
import { addScaled } from './operations/linear.ts';
import { sumOfSquares } from './operations/reduction.ts';
import { constant, type Input, input, type Value } from './value.ts';

export type OptimizerSettings =
  | { name: 'sgd'; momentum: number; weightDecay: number }
  | { name: 'adamw'; beta1: number; beta2: number; epsilon: number; weightDecay: number };

export interface Trainable {
  parameter: Input;
  gradient: Value;
  /** A factor on this parameter's update, a scalar or of its shape; weight decay is not scaled. */
  updateScale?: Value;
}

export interface OptimizerStep {
  /** The parameters and the optimizer's own memory, which starts at zero. */
  state: { current: Input; next: Value }[];
  /** Scalars that change from step to step; `optimizerScalars` gives their values. */
  scalars: Input[];
}

/**
 * One update of all parameters.
 * @param gradientScale a scalar that multiplies every gradient first: 1/batch, a clipping factor, or both
 */
export function optimizerStep(
  settings: OptimizerSettings,
  trainables: readonly Trainable[],
  gradientScale: Value,
): OptimizerStep {
  return settings.name === 'sgd'
    ? sgd(settings, trainables, gradientScale)
    : adamW(settings, trainables, gradientScale);
}

/**
 * The values of an optimizer's scalars at a step, from 0 on.
 * @param learningRate the schedule; must be above zero
 */
export function optimizerScalars(
  settings: OptimizerSettings,
  step: number,
  learningRate: (step: number) => number,
): Record<string, number> {
  const rate = learningRate(step);
  if (settings.name === 'sgd')
    return {
      'sgd.rate': rate,
      'sgd.momentum': (settings.momentum * rate) / learningRate(Math.max(0, step - 1)),
    };
  const { beta1, beta2, epsilon, weightDecay } = settings;
  const correction1 = 1 - beta1 ** (step + 1);
  const deviationScale = Math.sqrt((1 - beta2 ** (step + 1)) / (1 - beta2));
  return {
    'adamw.keep': 1 - rate * weightDecay,
    'adamw.rate': ((rate * (1 - beta1)) / correction1) * deviationScale,
    'adamw.epsilon': epsilon * deviationScale,
  };
}

/**
 * Stochastic gradient descent with momentum and L2 weight decay, as PyTorch defines it: `m ← μ m + g + λ p`,
 * `p ← p - η m`. Kept is the velocity `V = η m`, which takes one pass over the memory less:
 * `V ← (μ η_t / η_{t-1}) V + η g + η λ p`, `p ← p - V`.
 */
function sgd(
  { weightDecay }: Extract<OptimizerSettings, { name: 'sgd' }>,
  trainables: readonly Trainable[],
  gradientScale: Value,
): OptimizerStep {
  const rate = input('sgd.rate', []);
  const momentum = input('sgd.momentum', []);
  const state = trainables.flatMap(({ parameter, gradient, updateScale }) => {
    const velocity = input(`${parameter.name}.velocity`, parameter.shape);
    const gradientFactor = multiply(multiply(rate, gradientScale), updateScale ?? constant(1));
    const pulled = addScaled(multiply(gradient, gradientFactor), momentum, velocity);
    const next = weightDecay === 0 ? pulled : addScaled(pulled, scale(rate, weightDecay), parameter);
    return [
      { current: parameter, next: subtract(parameter, next) },
      { current: velocity, next },
    ];
  });
  return { state, scalars: [rate, momentum] };
}

/**
 * Adam with decoupled weight decay, Loshchilov and Hutter 2019: `p ← (1 - η λ) p - η m̂ / (√v̂ + ε)`.
 * Every pass over the memory counts here, so the moments are kept without their `1 - β` factors and in units of the
 * gradient's scale s: `M = m / (s (1 - β₁))` and `V = v / (s² (1 - β₂))`. Then the gradient enters as it is,
 * `M ← (β₁ s' / s) M + g` and `V ← (β₂ s'² / s²) V + g²` with s' the scale of the step before, and all else that is a
 * factor meets in three scalars.
 */
function adamW(
  { beta1, beta2 }: Extract<OptimizerSettings, { name: 'adamw' }>,
  trainables: readonly Trainable[],
  gradientScale: Value,
): OptimizerStep {
  const keep = input('adamw.keep', []);
  const rate = input('adamw.rate', []);
  const epsilon = input('adamw.epsilon', []);
  const scaledEpsilon = divide(epsilon, gradientScale);
  const lastScale = input('adamw.gradient-scale', []);
  const ratio = divide(lastScale, gradientScale);
  const keepFirst = scale(ratio, beta1);
  const keepSecond = scale(multiply(ratio, ratio), beta2);
  const state = trainables.flatMap(({ parameter, gradient, updateScale }) => {
    const first = input(`${parameter.name}.first-moment`, parameter.shape);
    const second = input(`${parameter.name}.second-moment`, parameter.shape);
    const nextFirst = addScaled(gradient, keepFirst, first);
    const nextSecond = addScaled(multiply(gradient, gradient), keepSecond, second);
    const factor = multiply(negate(rate), updateScale ?? constant(1));
    const update = divide(multiply(nextFirst, factor), add(sqrt(nextSecond), scaledEpsilon));
    return [
      { current: parameter, next: addScaled(update, keep, parameter) },
      { current: first, next: nextFirst },
      { current: second, next: nextSecond },
    ];
  });
  return {
    state: [...state, { current: lastScale, next: gradientScale }],
    scalars: [keep, rate, epsilon],
  };
}

/** Euclidean norm over all the gradients: a scalar. */
export function gradientNorm(gradients: readonly Value[]): Value {
  return sqrt(sumOf(gradients.map((gradient) => sumOfSquares(gradient))));
}

/** The factor that brings a norm down to the bound, as PyTorch's `clip_grad_norm_` has it: at most 1. */
export function clipFactor(norm: Value, bound: number): Value {
  return minimum(constant(1), divide(constant(bound), add(norm, constant(1e-6))));
}
