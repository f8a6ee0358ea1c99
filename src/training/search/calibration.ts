import type { HeadCalibration } from '../../arl/serving.ts';
import { mean } from '../../evaluation/paired-difference.ts';
import type { ItemProbabilities } from '../../heads/head.ts';
import { answerOfKnown } from '../../heads/known-modalities.ts';
import { itemAt } from '../../indexing.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import type { AnswerModel } from '../../targets/answer-family.ts';
import { targets } from '../../targets/targets.ts';
import type { TruthTable } from '../../targets/truth-table.ts';
import { fitPooling, pool } from './pooling.ts';

/** What heads said of examples that they were not trained on, and the truth. */
export interface HeldOutAnswers {
  answers: readonly ItemProbabilities[];
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
 * @example const { calibration } = calibrate({ answers, truth }, ['image', 'text']);
 */
export function calibrate(heldOut: HeldOutAnswers, modalities: readonly ModalityName[]): CalibrationResult {
  const { truth, answers } = heldOut;
  return calibrateWith(targets[truth.target].answerModel(truth), answers, modalities);
}

function calibrateWith(
  model: AnswerModel,
  answers: readonly ItemProbabilities[],
  modalities: readonly ModalityName[],
): CalibrationResult {
  const every = Math.ceil((answers.length * itemAt(answers, 0).fused.length) / mostNumbers);
  const rows = [...answers.keys()].filter((row) => row % every === 0);
  const uncalibrated = lossesOf(model, answers, rows, modalities);
  const before = mean(uncalibrated);
  const calibrated = new Array<number>(rows.length).fill(0);
  let after = 0;
  for (let part = 0; part < parts; part++) {
    const places = [...rows.keys()].filter((place) => place % parts === part);
    const fitted = rows.filter((_, place) => place % parts !== part);
    if (places.length === 0 || fitted.length === 0) return { before, after: before, losses: uncalibrated };
    const calibration = fitCalibration(model, answers, fitted, modalities);
    const measured = places.map((place) => itemAt(rows, place));
    const losses = lossesOf(model, answers, measured, modalities, calibration);
    for (const [index, place] of places.entries()) calibrated[place] = itemAt(losses, index);
    after += (mean(losses) * places.length) / rows.length;
  }
  return after < before
    ? { before, after, losses: calibrated, calibration: fitCalibration(model, answers, rows, modalities) }
    : { before, after: before, losses: uncalibrated };
}

function fitCalibration(
  { family, fromAnswer, truthOf }: AnswerModel,
  answers: readonly ItemProbabilities[],
  rows: readonly number[],
  modalities: readonly ModalityName[],
): HeadCalibration {
  const weigh = (
    predictionsOf: (answer: ItemProbabilities) => readonly Float64Array[] | undefined,
    count: number,
  ) => {
    const known = rows.flatMap((row) => {
      const predictions = predictionsOf(itemAt(answers, row));
      return predictions ? [{ predictions: predictions.map(fromAnswer), truth: truthOf(row) }] : [];
    });
    if (known.length === 0) return Array.from({ length: count }, (_, index) => Number(index === 0));
    return fitPooling(
      family,
      known.map(({ predictions }) => predictions),
      known.map(({ truth }) => truth),
    );
  };
  return {
    fused: weigh((answer) => answersOfComplete(answer, modalities), predictionCount(modalities)),
    unimodal: modalities.flatMap((modality) =>
      weigh(({ unimodal }) => unimodal[modality] && [unimodal[modality]], 1),
    ),
  };
}

/** Losses of the answers that a head with this calibration would give. */
function lossesOf(
  model: AnswerModel,
  answers: readonly ItemProbabilities[],
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
  answer: ItemProbabilities,
  modalities: readonly ModalityName[],
  calibration: HeadCalibration | undefined,
): { predictions: readonly Float64Array[]; weights: readonly number[] } {
  if (!calibration) return { predictions: [answer.fused], weights: [1] };
  const complete = answersOfComplete(answer, modalities);
  if (complete) return { predictions: complete, weights: calibration.fused };
  const own = calibratedAlone(model, answer, modalities, calibration).map(([, answer]) => answer);
  return { predictions: [answerOfKnown(own, model.target)], weights: [1] };
}

/** What each modality that an example has says alone, with a calibration. */
function calibratedAlone(
  { fromAnswer, toAnswer }: AnswerModel,
  { unimodal }: ItemProbabilities,
  modalities: readonly ModalityName[],
  calibration: HeadCalibration,
): [ModalityName, Float64Array][] {
  return modalities.flatMap((modality, m): [ModalityName, Float64Array][] => {
    const own = unimodal[modality];
    return own ? [[modality, toAnswer(pool([fromAnswer(own)], [itemAt(calibration.unimodal, m)]))]] : [];
  });
}

/** With one modality the unimodal prediction is the fused one again. */
function predictionCount(modalities: readonly ModalityName[]): number {
  return modalities.length > 1 ? 1 + modalities.length : 1;
}

function answersOfComplete(
  { fused, unimodal }: ItemProbabilities,
  modalities: readonly ModalityName[],
): readonly Float64Array[] | undefined {
  const own = modalities.flatMap((modality) => unimodal[modality] ?? []);
  if (own.length < modalities.length) return undefined;
  return modalities.length > 1 ? [fused, ...own] : [fused];
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
