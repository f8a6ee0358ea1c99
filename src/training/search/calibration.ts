import type { HeadCalibration } from '../../arl/serving.ts';
import type { ItemProbabilities } from '../../heads/head.ts';
import type { ModalityName } from '../../modalities/registry.ts';
import { fitOutputScaling } from '../../targets/output-scaling.ts';
import type { TargetTable } from '../../targets/target-table.ts';
import { type AnswerFamily, fitPooling, numbers, oneLabel, pool, severalLabels } from './pooling.ts';

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
}

/** Parts that the answers are divided into, so that a calibration is measured on what it was not fitted on. */
const parts = 5;
/** Of answers with more numbers in all, every second, third … is looked at: a few weights need no more. */
const mostNumbers = 1_000_000;
const smallest = 1e-12;

/**
 * Finds how a head's answers should be weighted: the fused answer of complete examples is pooled from the fused and the
 * unimodal opinions, each unimodal answer gets a weight of its own (of labels, an inverse temperature). Kept only if it
 * makes held-back truth likelier.
 * @param modalities the head's, in its order
 * @example const { calibration } = calibrate({ answers, labels }, ['image', 'text']);
 */
export function calibrate(heldOut: HeldOutAnswers, modalities: readonly ModalityName[]): CalibrationResult {
  const { targets } = heldOut;
  if (!targets) return calibrateWith(labelModel(heldOut.labels), heldOut.answers, modalities);
  const model = targets.kind === 'multi' ? severalLabelsModel(targets) : numberModel(targets);
  return calibrateWith(model, heldOut.answers, modalities);
}

/** How the answers to some examples are taken as opinions, and what is known of each example. */
interface AnswerModel<Truth> {
  family: AnswerFamily<Truth>;
  opinionOf(answer: Float64Array): Float64Array;
  truthOf(row: number): Truth;
  /** The family's loss times this is the loss that is told. */
  lossFactor: number;
}

function labelModel(labels: ArrayLike<number>): AnswerModel<number> {
  return {
    family: oneLabel,
    opinionOf: (probabilities) => probabilities.map((p) => Math.log(Math.max(p, smallest))),
    truthOf: (row) => labels[row],
    lossFactor: 1,
  };
}

function severalLabelsModel({ columns, values }: TargetTable): AnswerModel<ArrayLike<number>> {
  return {
    family: severalLabels,
    opinionOf: (probabilities) =>
      probabilities.map((p) => Math.log(Math.max(p, smallest)) - Math.log(Math.max(1 - p, smallest))),
    truthOf: (row) => values.subarray(row * columns, (row + 1) * columns),
    lossFactor: 1 / columns,
  };
}

/** Weights are of deviations from the mean, as in head.onnx: without a say an answer is the mean. */
function numberModel({ values }: TargetTable): AnswerModel<ArrayLike<number>> {
  const { mean, deviation } = fitOutputScaling({ kind: 'regression', columns: 1, values });
  const standardise = (value: number) => (value - mean[0]) / deviation[0];
  return {
    family: numbers,
    opinionOf: (answer) => answer.map(standardise),
    truthOf: (row) => [standardise(values[row])],
    lossFactor: 2 * deviation[0] ** 2,
  };
}

function calibrateWith<Truth>(
  model: AnswerModel<Truth>,
  answers: readonly ItemProbabilities[],
  modalities: readonly ModalityName[],
): CalibrationResult {
  const every = Math.ceil((answers.length * answers[0].fused.length) / mostNumbers);
  const rows = [...answers.keys()].filter((row) => row % every === 0);
  const before = meanLoss(model, answers, rows, modalities);
  let after = 0;
  for (let part = 0; part < parts; part++) {
    const measured = rows.filter((_, place) => place % parts === part);
    const fitted = rows.filter((_, place) => place % parts !== part);
    if (measured.length === 0 || fitted.length === 0) return { before, after: before };
    const calibration = fitCalibration(model, answers, fitted, modalities);
    after += (meanLoss(model, answers, measured, modalities, calibration) * measured.length) / rows.length;
  }
  return after < before
    ? { before, after, calibration: fitCalibration(model, answers, rows, modalities) }
    : { before, after: before };
}

function fitCalibration<Truth>(
  { family, opinionOf, truthOf }: AnswerModel<Truth>,
  answers: readonly ItemProbabilities[],
  rows: readonly number[],
  modalities: readonly ModalityName[],
): HeadCalibration {
  const weigh = (
    opinionsOf: (answer: ItemProbabilities) => readonly Float64Array[] | undefined,
    count: number,
  ) => {
    const known = rows.flatMap((row) => {
      const opinions = opinionsOf(answers[row]);
      return opinions ? [{ opinions: opinions.map(opinionOf), truth: truthOf(row) }] : [];
    });
    if (known.length === 0) return Array.from({ length: count }, (_, index) => Number(index === 0));
    return fitPooling(
      family,
      known.map(({ opinions }) => opinions),
      known.map(({ truth }) => truth),
    );
  };
  return {
    fused: weigh((answer) => answersOfComplete(answer, modalities), opinionCount(modalities)),
    unimodal: modalities.map(
      (modality) => weigh(({ unimodal }) => unimodal[modality] && [unimodal[modality]], 1)[0],
    ),
  };
}

/** Mean loss of the answers that a head with this calibration would give. */
function meanLoss<Truth>(
  { family, opinionOf, truthOf, lossFactor }: AnswerModel<Truth>,
  answers: readonly ItemProbabilities[],
  rows: readonly number[],
  modalities: readonly ModalityName[],
  calibration?: HeadCalibration,
): number {
  const total = rows.reduce((sum, row) => {
    const { opinions, weights } = weighted(answers[row], modalities, calibration);
    return sum + family.loss(pool(opinions.map(opinionOf), weights), truthOf(row));
  }, 0);
  return (lossFactor * total) / rows.length;
}

/** The answers that the fused one is pooled from, and their weights. */
function weighted(
  answer: ItemProbabilities,
  modalities: readonly ModalityName[],
  calibration: HeadCalibration | undefined,
): { opinions: readonly Float64Array[]; weights: readonly number[] } {
  if (!calibration) return { opinions: [answer.fused], weights: [1] };
  const complete = answersOfComplete(answer, modalities);
  if (complete) return { opinions: complete, weights: calibration.fused };
  const m = modalities.findIndex((modality) => answer.unimodal[modality]);
  return { opinions: [answer.fused], weights: [calibration.unimodal[m]] };
}

/** With one modality the unimodal opinion is the fused one again. */
function opinionCount(modalities: readonly ModalityName[]): number {
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
  { answers, targets }: Pick<HeldOutAnswers, 'answers'> & { targets: TargetTable },
  modalities: readonly ModalityName[],
  calibration: HeadCalibration,
): ItemProbabilities[] {
  const { family, opinionOf } = severalLabelsModel(targets);
  const answer = (opinions: readonly Float64Array[], weights: readonly number[]) =>
    family.expect(pool(opinions.map(opinionOf), weights));
  return answers.map((given) => {
    const { opinions, weights } = weighted(given, modalities, calibration);
    return {
      fused: answer(opinions, weights),
      unimodal: Object.fromEntries(
        modalities.flatMap((modality, m) => {
          const own = given.unimodal[modality];
          return own ? [[modality, answer([own], [calibration.unimodal[m]])]] : [];
        }),
      ),
    };
  });
}
