import type { ItemProbabilities } from '../heads/head.ts';
import { type Deciding, thresholdsOf, usualThreshold } from '../heads/thresholds.ts';
import { type ModalityName, modalityNames } from '../modalities/registry.ts';
import type { TargetTable } from '../targets/target-table.ts';
import type { Metrics } from './metrics.ts';
import { evaluateSeveralLabels } from './multi-label.ts';
import { evaluateNumbers } from './regression.ts';
import { evaluate } from './single-label.ts';

/** The truth about rows that were answered, in the same order. */
export interface Truth {
  /** Index of each row's label. */
  labels: Int32Array;
  /** What is learnt where it is not one label. */
  targets?: TargetTable;
}

/** Figures of the test split, which is read once, at the end: of the answers from everything, and from one modality. */
export interface AnswerMetrics {
  fused: Metrics;
  unimodal: Partial<Record<ModalityName, Metrics>>;
}

/**
 * Metrics of the fused answers, and of each modality's own over the examples that have it.
 * @param head whose thresholds decide, of any of several labels; 0.5 where absent
 */
export function measureAnswers(
  answers: readonly ItemProbabilities[],
  truth: Truth,
  head?: Deciding,
): AnswerMetrics {
  const rows = [...answers.keys()];
  const ofModality = (modality: ModalityName): Metrics | undefined => {
    const known = rows.filter((row) => answers[row].unimodal[modality]);
    if (known.length === 0) return undefined;
    return measure(
      known.map((row) => answers[row].unimodal[modality]!),
      known,
      truth,
      head && (() => thresholdsOf(head, [modality])),
    );
  };
  return {
    fused: measure(
      answers.map(({ fused }) => fused),
      rows,
      truth,
      head && ((row) => thresholdsOf(head, modalitiesOf(answers[row]))),
    ),
    unimodal: Object.fromEntries(
      modalityNames.flatMap((modality) => {
        const metrics = ofModality(modality);
        return metrics ? [[modality, metrics]] : [];
      }),
    ),
  };
}

/** The figures of the answers from everything, or from one modality. */
export function metricsFrom(
  { fused, unimodal }: AnswerMetrics,
  answersFrom: 'fused' | ModalityName,
): Metrics | undefined {
  return answersFrom === 'fused' ? fused : unimodal[answersFrom];
}

/** What an answer rests on. */
export function modalitiesOf({ unimodal }: ItemProbabilities): ModalityName[] {
  return Object.keys(unimodal) as ModalityName[];
}

/**
 * Metrics of some answers.
 * @param rows of the truth, one for each answer
 * @param thresholds those of a row, of any of several labels; 0.5 where absent
 */
export function measure(
  answers: readonly Float64Array[],
  rows: readonly number[],
  { labels, targets }: Truth,
  thresholds?: (row: number) => readonly number[],
): Metrics {
  if (!targets)
    return evaluate(
      answers,
      rows.map((row) => labels[row]),
    );
  const { kind, columns, values } = targets;
  const truth = rows.map((row) => values.subarray(row * columns, (row + 1) * columns));
  if (kind === 'multi')
    return evaluateSeveralLabels(answers, truth, (index) =>
      thresholds ? thresholds(rows[index]) : new Array<number>(columns).fill(usualThreshold),
    );
  return evaluateNumbers(
    answers.map(([value]) => value),
    truth.map(([value]) => value),
  );
}
