import type { HeadCalibration } from '../../arl/serving.ts';
import type { ItemProbabilities } from '../../inference/head.ts';
import type { Modality } from '../../inference/prediction.ts';
import { chooseThresholds, evaluateSeveralLabels } from '../evaluation/several-labels.ts';
import type { TargetTable } from '../targets/targets.ts';
import { fitPooling, type Opinions, pool } from './pooling.ts';

/** What heads said of examples that they were not trained on, and the truth. */
export interface HeldOutAnswers {
  answers: readonly ItemProbabilities[];
  /** Index of each example's class. */
  labels: ArrayLike<number>;
  /** What was to be learnt, where it is not one label. */
  targets?: TargetTable;
}

export interface CalibrationResult {
  /** Mean loss of the answers as they are: negative log likelihood, or of numbers the squared error. */
  before: number;
  /** The same with a calibration, always fitted on other examples than it is measured on. */
  after: number;
  /** Fitted on all the answers; absent where `after` is no better than `before`. */
  calibration?: HeadCalibration;
  /** Of any of several labels: from which probability each is best given. */
  thresholds?: number[];
}

/** Parts that the answers are divided into, so that a calibration is measured on what it was not fitted on. */
const parts = 5;
const smallest = 1e-12;

/**
 * Finds how a head's answers should be weighted: the fused answer of complete examples is pooled from the fused and the
 * unimodal opinions, each unimodal answer gets a temperature. Kept only if it makes held-back labels likelier.
 * @param modalities the head's, in its order
 */
export function calibrate(heldOut: HeldOutAnswers, modalities: readonly Modality[]): CalibrationResult {
  if (heldOut.targets) return chooseFor(heldOut.answers, heldOut.targets);
  const rows = [...heldOut.answers.keys()];
  const before = likelihood(heldOut, rows, modalities);
  let after = 0;
  for (let part = 0; part < parts; part++) {
    const measured = rows.filter((row) => row % parts === part);
    const fitted = rows.filter((row) => row % parts !== part);
    if (measured.length === 0 || fitted.length === 0) return { before, after: before };
    const calibration = fitCalibration(heldOut, fitted, modalities);
    after += (likelihood(heldOut, measured, modalities, calibration) * measured.length) / rows.length;
  }
  return after < before
    ? { before, after, calibration: fitCalibration(heldOut, rows, modalities) }
    : { before, after: before };
}

/** Several labels get thresholds; numbers are left as they are. */
function chooseFor(
  answers: HeldOutAnswers['answers'],
  { kind, columns, values }: TargetTable,
): CalibrationResult {
  const rows = answers.map(({ fused }) => fused);
  const truth = rows.map((_, row) => values.subarray(row * columns, (row + 1) * columns));
  if (kind === 'multi') {
    const thresholds = chooseThresholds(rows, truth);
    const { negativeLogLikelihood } = evaluateSeveralLabels(rows, truth, thresholds);
    return { before: negativeLogLikelihood, after: negativeLogLikelihood, thresholds };
  }
  const squares = rows.reduce((sum, [value], row) => sum + (value - truth[row][0]) ** 2, 0) / rows.length;
  return { before: squares, after: squares };
}

function fitCalibration(
  { answers, labels }: HeldOutAnswers,
  rows: readonly number[],
  modalities: readonly Modality[],
): HeadCalibration {
  const weigh = (opinionsOf: (answer: ItemProbabilities) => Opinions | undefined, count: number) => {
    const known = rows.flatMap((row) => {
      const opinions = opinionsOf(answers[row]);
      return opinions ? [{ opinions, label: labels[row] }] : [];
    });
    if (known.length === 0) return Array.from({ length: count }, (_, index) => Number(index === 0));
    return fitPooling(
      known.map(({ opinions }) => opinions),
      known.map(({ label }) => label),
    );
  };
  return {
    fused: weigh((answer) => opinionsOfComplete(answer, modalities), opinionCount(modalities)),
    unimodal: modalities.map(
      (modality) => weigh(({ unimodal }) => unimodal[modality] && [logarithms(unimodal[modality])], 1)[0],
    ),
  };
}

/** Mean negative log likelihood of the answers that a head with this calibration would give. */
function likelihood(
  { answers, labels }: HeldOutAnswers,
  rows: readonly number[],
  modalities: readonly Modality[],
  calibration?: HeadCalibration,
): number {
  const total = rows.reduce((sum, row) => {
    const answer = answers[row];
    if (!calibration) return sum - Math.log(Math.max(answer.fused[labels[row]], smallest));
    const complete = opinionsOfComplete(answer, modalities);
    if (complete) return sum - pool(complete, calibration.fused)[labels[row]];
    const m = modalities.findIndex((modality) => answer.unimodal[modality]);
    return sum - pool([logarithms(answer.fused)], [calibration.unimodal[m]])[labels[row]];
  }, 0);
  return total / rows.length;
}

/** With one modality the unimodal opinion is the fused one again. */
function opinionCount(modalities: readonly Modality[]): number {
  return modalities.length > 1 ? 1 + modalities.length : 1;
}

function opinionsOfComplete(
  { fused, unimodal }: ItemProbabilities,
  modalities: readonly Modality[],
): Opinions | undefined {
  const own = modalities.flatMap((modality) => unimodal[modality] ?? []);
  if (own.length < modalities.length) return undefined;
  return (modalities.length > 1 ? [fused, ...own] : [fused]).map(logarithms);
}

function logarithms(probabilities: Float64Array): Float64Array {
  return probabilities.map((probability) => Math.log(Math.max(probability, smallest)));
}
