import type { HeadCalibration } from '../../arl/serving.ts';
import { mean } from '../../evaluation/paired-difference.ts';
import type { ItemProbabilities } from '../../heads/head.ts';
import { answerOfKnown } from '../../heads/known-modalities.ts';
import { itemAt, required } from '../../indexing.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import type { AnswerModel } from '../../targets/answer-family.ts';
import { targets } from '../../targets/targets.ts';
import type { TruthTable } from '../../targets/truth-table.ts';
import { fitPooling, pool } from './pooling.ts';

/** What a head said of an example, and what the prototypes that its training starts from say of each modality. */
export interface HeldOutAnswer extends ItemProbabilities {
  prototypes?: ItemProbabilities['unimodal'];
}

/** What heads said of examples that they were not trained on, and the truth. */
export interface HeldOutAnswers {
  answers: readonly HeldOutAnswer[];
  truth: TruthTable;
}

export interface CalibrationResult {
  /** Mean loss of the answers as they are: negative log likelihood, or of numbers the squared error. */
  before: number;
  /** The same with a calibration, always fitted on other examples than it is measured on. */
  after: number;
  /** Fitted on all the answers; absent where `after` is no better than `before`. */
  calibration?: HeadCalibration;
  /** Of each answer that was looked at, the loss that the smaller of both means is of. */
  losses: readonly number[];
}

/** Parts that the answers are divided into, so that a calibration is measured on what it was not fitted on. */
const parts = 5;
/** Of answers with more numbers in all, every second, third … is looked at: a few weights need no more. */
const mostNumbers = 1_000_000;

/**
 * Finds how a head's answers should be weighted: the fused answer of complete examples is pooled from the fused and the
 * unimodal predictions, each unimodal answer gets a weight of its own (of labels, an inverse temperature). Kept only if it
 * makes held-back truth likelier.
 * @param modalities the head's, in its order
 * @param blend of a training that starts from prototypes: see `untriedBlend`. Weights are drawn to it while examples are few
 * @example const { calibration } = calibrate({ answers, truth }, ['image', 'text']);
 */
export function calibrate(
  heldOut: HeldOutAnswers,
  modalities: readonly ModalityName[],
  blend?: HeadCalibration,
): CalibrationResult {
  const { truth, answers } = heldOut;
  return calibrateWith(targets[truth.target].answerModel(truth), answers, { modalities, blend });
}

/** The head's modalities, and how its answers are blended with those of prototypes as long as nothing else is known. */
interface Blending {
  modalities: readonly ModalityName[];
  blend?: HeadCalibration;
}

function calibrateWith(
  model: AnswerModel,
  answers: readonly HeldOutAnswer[],
  blending: Blending,
): CalibrationResult {
  const { modalities, blend } = blending;
  const every = Math.ceil((answers.length * itemAt(answers, 0).fused.length) / mostNumbers);
  const rows = [...answers.keys()].filter((row) => row % every === 0);
  const uncalibrated = lossesOf(model, answers, rows, modalities, blend);
  const before = mean(uncalibrated);
  const calibrated = new Array<number>(rows.length).fill(0);
  let after = 0;
  for (let part = 0; part < parts; part++) {
    const places = [...rows.keys()].filter((place) => place % parts === part);
    const fitted = rows.filter((_, place) => place % parts !== part);
    if (places.length === 0 || fitted.length === 0)
      return { before, after: before, losses: uncalibrated, calibration: blend };
    const calibration = fitCalibration(model, answers, fitted, blending);
    const measured = places.map((place) => itemAt(rows, place));
    const losses = lossesOf(model, answers, measured, modalities, calibration);
    for (const [index, place] of places.entries()) calibrated[place] = itemAt(losses, index);
    after += (mean(losses) * places.length) / rows.length;
  }
  return after < before
    ? { before, after, losses: calibrated, calibration: fitCalibration(model, answers, rows, blending) }
    : { before, after: before, losses: uncalibrated, calibration: blend };
}

/** How strongly weights are drawn to the blend: as much as so many examples would. */
const blendStrength = 2;

function fitCalibration(
  { family, fromAnswer, truthOf }: AnswerModel,
  answers: readonly HeldOutAnswer[],
  rows: readonly number[],
  { modalities, blend }: Blending,
): HeadCalibration {
  const weigh = (
    predictionsOf: (answer: HeldOutAnswer) => readonly Float64Array[] | undefined,
    towards: readonly number[],
  ) => {
    const known = rows.flatMap((row) => {
      const predictions = predictionsOf(itemAt(answers, row));
      return predictions ? [{ predictions: predictions.map(fromAnswer), truth: truthOf(row) }] : [];
    });
    if (known.length === 0) return [...towards];
    return fitPooling(
      family,
      known.map(({ predictions }) => predictions),
      known.map(({ truth }) => truth),
      blend && { towards, ridge: blendStrength / known.length },
    );
  };
  const count = predictionCount(modalities);
  const usual: HeadCalibration = {
    fused: Array.from({ length: count }, (_, index) => Number(index === 0)),
    unimodal: modalities.map(() => 1),
  };
  const started = startedIn(modalities, blend);
  const fused = weigh(
    (answer) => answersOfComplete(answer, modalities, started),
    weightsOfComplete(blend ?? usual, started),
  );
  const alone = modalities.map((modality, m) =>
    weigh((answer) => answersAlone(answer, modality), weightsAlone(blend ?? usual, modality, m)),
  );
  const prototypes = started.map((modality, index) => {
    const [, unimodal = 0] = itemAt(alone, modalities.indexOf(modality));
    return [modality, { fused: itemAt(fused, count + index), unimodal }];
  });
  return {
    fused: fused.slice(0, count),
    unimodal: alone.map((weights) => itemAt(weights, 0)),
    ...(blend && { prototypes: Object.fromEntries(prototypes) }),
  };
}

/** The modalities whose prototypes have a say. */
function startedIn(modalities: readonly ModalityName[], calibration?: HeadCalibration): ModalityName[] {
  return modalities.filter((modality) => calibration?.prototypes?.[modality]);
}

/** Of the answers that {@link answersOfComplete} gives. */
function weightsOfComplete(
  { fused, prototypes = {} }: HeadCalibration,
  started: readonly ModalityName[],
): number[] {
  return [...fused, ...started.map((modality) => prototypes[modality]?.fused ?? 0)];
}

/** Of the answers that {@link answersAlone} gives. */
function weightsAlone(
  { unimodal, prototypes = {} }: HeadCalibration,
  modality: ModalityName,
  m: number,
): number[] {
  const own = prototypes[modality];
  return [itemAt(unimodal, m), ...(own ? [own.unimodal] : [])];
}

/** Losses of the answers that a head with this calibration would give. */
function lossesOf(
  model: AnswerModel,
  answers: readonly HeldOutAnswer[],
  rows: readonly number[],
  modalities: readonly ModalityName[],
  calibration?: HeadCalibration,
): number[] {
  const { family, fromAnswer, truthOf, lossFactor } = model;
  return rows.map((row) => {
    const { predictions, weights } = weighted(model, itemAt(answers, row), modalities, calibration);
    return lossFactor * family.loss(pool(predictions.map(fromAnswer), weights), truthOf(row));
  });
}

/** The answers that the fused one is pooled from, and their weights. */
function weighted(
  model: AnswerModel,
  answer: HeldOutAnswer,
  modalities: readonly ModalityName[],
  calibration: HeadCalibration | undefined,
): { predictions: readonly Float64Array[]; weights: readonly number[] } {
  if (!calibration) return { predictions: [answer.fused], weights: [1] };
  const started = startedIn(modalities, calibration);
  const complete = answersOfComplete(answer, modalities, started);
  if (complete) return { predictions: complete, weights: weightsOfComplete(calibration, started) };
  const own = calibratedAlone(model, answer, modalities, calibration).map(([, answer]) => answer);
  return { predictions: [answerOfKnown(own, model.target)], weights: [1] };
}

/** What each modality that an example has says alone, with a calibration. */
function calibratedAlone(
  { fromAnswer, toAnswer }: AnswerModel,
  answer: HeldOutAnswer,
  modalities: readonly ModalityName[],
  calibration: HeadCalibration,
): [ModalityName, Float64Array][] {
  return modalities.flatMap((modality, m): [ModalityName, Float64Array][] => {
    const own = answersAlone(answer, modality);
    if (!own) return [];
    return [[modality, toAnswer(pool(own.map(fromAnswer), weightsAlone(calibration, modality, m)))]];
  });
}

/** With one modality the unimodal prediction is the fused one again. */
function predictionCount(modalities: readonly ModalityName[]): number {
  return modalities.length > 1 ? 1 + modalities.length : 1;
}

/** What the fused answer is pooled from: fused, unimodal, of prototypes. Undefined where a modality is missing. */
function answersOfComplete(
  answer: HeldOutAnswer,
  modalities: readonly ModalityName[],
  started: readonly ModalityName[],
): readonly Float64Array[] | undefined {
  const { fused, unimodal, prototypes } = answer;
  const own = modalities.flatMap((modality) => unimodal[modality] ?? []);
  if (own.length < modalities.length) return undefined;
  const others = started.map((modality) => required(prototypes?.[modality], `prototypes of ${modality}`));
  return [fused, ...(modalities.length > 1 ? own : []), ...others];
}

/** What a modality's own answer is pooled from. */
function answersAlone(
  { unimodal, prototypes }: HeldOutAnswer,
  modality: ModalityName,
): readonly Float64Array[] | undefined {
  const own = unimodal[modality];
  const others = prototypes?.[modality];
  return own && (others ? [own, others] : [own]);
}

/**
 * What a head with a calibration says of examples, from what it says without: as `emitHead` weighs the logits.
 * @example const calibrated = applyCalibration(heldOut, ['image', 'text'], calibration);
 */
export function applyCalibration(
  { answers, truth }: HeldOutAnswers,
  modalities: readonly ModalityName[],
  calibration: HeadCalibration,
): ItemProbabilities[] {
  const model = targets[truth.target].answerModel(truth);
  return answers.map((given) => {
    const { predictions, weights } = weighted(model, given, modalities, calibration);
    return {
      fused: model.toAnswer(pool(predictions.map(model.fromAnswer), weights)),
      unimodal: Object.fromEntries(calibratedAlone(model, given, modalities, calibration)),
    };
  });
}
