import { differentiate } from '../graph/differentiate.ts';
import { multiply, scale } from '../graph/operations/elementwise.ts';
import { concat, gather, reshape } from '../graph/operations/layout.ts';
import { mean } from '../graph/operations/reduction.ts';
import { clipFactor, gradientNorm, type OptimizerSettings, optimizerStep } from '../graph/optimizer.ts';
import { constant, dynamic, type Input, input, integers, type LoopStep, type Value } from '../graph/value.ts';
import { itemAt } from '../indexing.ts';
import type { HeadArchitecture } from './architecture.ts';
import { withNoise } from './gradient-noise.ts';
import { type ObjectiveSettings, objective } from './objective.ts';
import { ParameterLayout } from './packing.ts';
import { strategies } from './strategy.ts';
import { givenLengths, isTailParameter, passTails } from './tail.ts';

export interface TrainingStepSettings extends Omit<ObjectiveSettings, 'gamma' | 'residual'> {
  batchSize: number;
  optimizer: OptimizerSettings;
  /** Bound on the norm of the mean gradient over all parameters; Infinity for none. */
  clipNorm: number;
  /** Rows of the dropout mask bank; 0 for no dropout. */
  dropoutMasks: number;
  /** Rows of the bank of gradient noise, which only `ogm-ge` reads. */
  noiseRows?: number;
  /** Columns of the weights where examples, or cells of their truth, count differently: the step then reads `weights`. */
  weightColumns?: number;
  /** The share of the learning rate that each modality's tail gets; 1 by default. */
  tailRates?: readonly number[];
  /** True where some examples lack a modality: the step then reads `presence` as well. */
  partial: boolean;
}

/** Names of the step's inputs, beside the parameters' and the optimizer's own. */
export const stepInputs = {
  /** [B], int32: the rows of the training set that make the batch. */
  rows: 'rows',
  /** γ, a scalar. */
  gamma: 'gamma',
  /** 0 during the warm-up, then 1. */
  residual: 'residual',
  /** [B], int32: the row of the mask bank that each example takes. */
  dropoutRows: 'dropout.rows',
  /** int32 scalar: where the gradient noise begins in its bank. */
  noiseOffset: 'noise.offset',
} as const;

/** Names of what is the same in every step. */
export const sharedInputs = {
  /** [N, D_m], float32: the training set's features. */
  features: (m: number) => `features.${m}`,
  /** What is to be learnt, as the target has it: [N], int32, or [N, C]. */
  truth: 'truth',
  /** [N, 1], float32: how much each example counts. */
  weights: 'weights',
  /** [N, 1], float32: 1 where the example has modality m, else 0. */
  presence: (m: number) => `presence.${m}`,
  /** [masks, D_m], float32: 0 where a feature is dropped, 1/(1-p) where it is kept. */
  dropoutMasks: (m: number) => `dropout.masks.${m}`,
  /** [rows, h], float32: standard normal numbers. */
  noiseBank: 'noise.bank',
} as const;

/** Passes with other features dropped, beside the one that is learnt from, where dropout shows the variance. */
const furtherPasses = [1, 2, 3];

/**
 * One training step of a head: the batch, forward, ARL statistics, backward, gradient residual, clip, optimizer.
 * Dropout masks come from outside, because ONNX Runtime's own random operators can't be resumed: each example takes
 * a random row of a bank of masks.
 * @returns a loop step that reports, per step, `loss` (mean over the batch), `accuracy` (where the target has one),
 *   `gradientNorm` and
 *   `statistics` [4, M]: the rows H, q, d and k
 */
export function trainingStep(architecture: HeadArchitecture, settings: TrainingStepSettings): LoopStep {
  const { batchSize: B, dropoutMasks, partial, weightColumns } = settings;
  const { target, dimensions } = architecture;
  const layout = new ParameterLayout(architecture);
  const { trained, parameters } = layout.inputs();
  const given = declareInputs(architecture, settings);
  const { rows, gamma, residual, maskRows, noiseOffset } = given.perStep;
  const { features, truth: allTruth, weights, present, masks, noiseBank } = given.shared;

  const batch = passTails(
    architecture.tails,
    features.map((all) => gather(all, rows)),
    parameters,
  );
  const dropped = (turn: number) => {
    if (dropoutMasks === 0) return batch;
    // Each further pass takes the masks of the batch's next examples, which are as random as any.
    const order = Array.from({ length: B }, (_, index) => (index + turn) % B);
    const chosen = turn === 0 ? maskRows : gather(maskRows, integers(order));
    return batch.map((x, m) => multiply(x, gather(itemAt(masks, m), chosen)));
  };
  const passes = settings.variance === 'dropout' ? furtherPasses.map(dropped) : undefined;
  const truth = gather(allTruth, rows);
  const presence = partial ? present.map((all) => gather(all, rows)) : undefined;
  const { loss, logits, analysis, updateScales } = objective(
    architecture,
    { ...settings, gamma, residual },
    {
      features: dropped(0),
      truth,
      weights: weightColumns ? gather(weights, rows) : undefined,
      presence,
      passes,
    },
    parameters,
  );

  const noisy = strategies[settings.strategy].noise;
  const learnt = differentiate(loss, trained).map((gradient, index) => {
    const parameter = itemAt(trained, index);
    const isNoisy = noisy && /^adapter\./.test(parameter.name);
    return { parameter, gradient: isNoisy ? withNoise(gradient, noiseBank, noiseOffset) : gradient };
  });
  // The loss is a sum over the batch; its 1/B is folded into the one factor that every gradient gets anyway.
  const norm = scale(gradientNorm(learnt.map(({ gradient }) => gradient)), 1 / B);
  const trainables = learnt.map((one) => ({
    ...one,
    updateScale: updateScaleOf(one.parameter, layout, updateScales, settings.tailRates),
  }));
  const factor = scale(clippingOf(norm, settings), 1 / B);
  const { state, scalars } = optimizerStep(settings.optimizer, trainables, factor);

  const { variance, target: goal, dependence, coefficient } = analysis;
  return {
    state,
    ...readInputs(given, settings, scalars),
    reports: {
      loss: scale(loss, 1 / B),
      ...(target.right && { accuracy: mean(target.right(logits.fused, truth), [0]) }),
      gradientNorm: norm,
      statistics: reshape(concat([variance, goal, dependence, coefficient], 0), [4, dimensions.length]),
    },
  };
}

/** What a step may read: anew each step, and of the training set that all steps share. */
function declareInputs(
  { dimensions, tails, target, classes, hidden }: HeadArchitecture,
  { batchSize, dropoutMasks, weightColumns = 1, noiseRows = 1 }: TrainingStepSettings,
) {
  const { type, shape } = target.truth;
  return {
    perStep: {
      rows: input(stepInputs.rows, [batchSize], 'int32'),
      gamma: input(stepInputs.gamma, []),
      residual: input(stepInputs.residual, []),
      maskRows: input(stepInputs.dropoutRows, [batchSize], 'int32'),
      noiseOffset: input(stepInputs.noiseOffset, [], 'int32'),
    },
    shared: {
      features: givenLengths(dimensions, tails).map((length, m) =>
        input(sharedInputs.features(m), [dynamic, length]),
      ),
      truth: input(sharedInputs.truth, shape(dynamic, classes), type),
      weights: input(sharedInputs.weights, [dynamic, weightColumns]),
      present: dimensions.map((_, m) => input(sharedInputs.presence(m), [dynamic, 1])),
      masks: dimensions.map((D, m) => input(sharedInputs.dropoutMasks(m), [dropoutMasks, D])),
      noiseBank: input(sharedInputs.noiseBank, [noiseRows, hidden]),
    },
  };
}

/** Those of the inputs that the step reads under its settings. */
function readInputs(
  { perStep, shared }: ReturnType<typeof declareInputs>,
  { strategy, dropoutMasks, weightColumns, partial }: TrainingStepSettings,
  scalars: readonly Input[],
): Pick<LoopStep, 'perStep' | 'shared'> {
  const hasDropout = dropoutMasks > 0;
  const { noise } = strategies[strategy];
  return {
    perStep: [
      perStep.rows,
      perStep.gamma,
      perStep.residual,
      ...(hasDropout ? [perStep.maskRows] : []),
      ...(noise ? [perStep.noiseOffset] : []),
      ...scalars,
    ],
    shared: [
      ...shared.features,
      shared.truth,
      ...(weightColumns ? [shared.weights] : []),
      ...(partial ? shared.present : []),
      ...(hasDropout ? shared.masks : []),
      ...(noise ? [shared.noiseBank] : []),
    ],
  };
}

/** The factor that keeps the gradient's norm within its limit. */
function clippingOf(norm: Value, { clipNorm }: TrainingStepSettings): Value {
  return clipNorm === Number.POSITIVE_INFINITY ? constant(1) : clipFactor(norm, clipNorm);
}

/** The modality whose adapter, or encoder, a parameter belongs to. */
function modalityOf(name: string): number | undefined {
  const modality = /^(?:adapter|tail)\.(\d+)\./.exec(name)?.[1];
  return modality === undefined ? undefined : Number(modality);
}

/**
 * The factor on a trained tensor's update: `1 + k_m` where the parameter is modality m's, times the share of the learning
 * rate that tails get. A scalar, or one for each packed element; undefined where it is 1.
 */
function updateScaleOf(
  { name }: Input,
  layout: ParameterLayout,
  modalityScales: readonly Value[] | undefined,
  tailRates: readonly number[] = [],
): Value | undefined {
  const contents = layout.contents(name);
  const rates = contents.map(({ parameter }) =>
    isTailParameter(parameter) ? (tailRates[modalityOf(parameter) ?? -1] ?? 1) : 1,
  );
  const ofModality = modalityScales && modalityScaleOf(contents, modalityScales);
  if (rates.every((rate) => rate === 1)) return ofModality;
  const [rate, ...others] = rates;
  const ofTail =
    rate !== undefined && others.length === 0
      ? constant(rate)
      : vector(contents.flatMap(({ length }, index) => Array<number>(length).fill(itemAt(rates, index))));
  return ofModality ? multiply(ofModality, ofTail) : ofTail;
}

function modalityScaleOf(contents: ReturnType<ParameterLayout['contents']>, scales: readonly Value[]): Value {
  const choices = [...scales, constant(1)];
  const choose = (parameter: string) => modalityOf(parameter) ?? scales.length;
  const [first, ...others] = contents;
  if (first && others.length === 0) return itemAt(choices, choose(first.parameter));
  const stacked = concat(
    choices.map((choice) => reshape(choice, [1])),
    0,
  );
  const owners = contents.flatMap(({ parameter, length }) => Array<number>(length).fill(choose(parameter)));
  return gather(stacked, integers(owners));
}

function vector(values: readonly number[]): Value {
  return constant(Float32Array.from(values), [values.length]);
}
