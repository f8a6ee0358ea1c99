import { usualThreshold } from '../heads/thresholds.ts';
import { itemAt } from '../indexing.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import type { Truth } from '../targets/truth.ts';
import { type TruthTable, truthAt } from '../targets/truth-table.ts';
import { error, type Metrics, type MetricTitle, score, share } from './metrics.ts';
import { evaluateSeveralLabels } from './multi-label.ts';
import { evaluateNumbers } from './regression.ts';
import { evaluate, largestIndex } from './single-label.ts';

/** How the answers of a target's heads are measured and compared. */
export interface TargetEvaluation {
  /** How its figures are shown, the most telling first. */
  titles: readonly [main: MetricTitle, ...others: MetricTitle[]];
  /**
   * Figures of some answers.
   * @param rows of the truth, one for each answer
   * @param thresholds those of a row, multi-label; 0.5 where absent
   */
  measure(
    answers: readonly Float64Array[],
    rows: readonly number[],
    truth: TruthTable,
    thresholds?: (row: number) => readonly number[],
  ): Metrics;
  /** What an answer decides for; absent where answers are numbers, which always differ. */
  decide?(answer: Float64Array, labels: readonly string[], thresholds?: readonly number[]): Truth;
}

export const evaluations: Readonly<Record<TargetKind, TargetEvaluation>> = {
  single: {
    titles: [
      share('accuracy', 'accuracy'),
      score('macroF1', 'macro-F1'),
      error('negativeLogLikelihood', 'negative log likelihood'),
      error('calibrationError', 'calibration error'),
    ],
    measure: (answers, rows, { values }) =>
      evaluate(
        answers,
        rows.map((row) => itemAt(values, row)),
      ),
    decide: (answer, labels) => ({ class: itemAt(labels, largestIndex(answer)) }),
  },
  multi: {
    titles: [
      score('microF1', 'micro-F1'),
      score('macroF1', 'macro-F1'),
      score('averagePrecision', 'average precision'),
      share('subsetAccuracy', 'all labels right'),
      error('negativeLogLikelihood', 'negative log likelihood'),
    ],
    measure: (answers, rows, truth, thresholds) =>
      evaluateSeveralLabels(
        answers,
        rows.map((row) => truthAt(truth, row)),
        (index) =>
          thresholds
            ? thresholds(itemAt(rows, index))
            : new Array<number>(truth.columns).fill(usualThreshold),
      ),
    decide: (answer, labels, thresholds) => ({
      classes: labels
        .filter((_, index) => itemAt(answer, index) >= (thresholds?.[index] ?? usualThreshold))
        .sort(),
    }),
  },
  regression: {
    titles: [
      error('rootMeanSquareError', 'RMS error'),
      error('meanAbsoluteError', 'mean absolute error'),
      score('determination', 'R²'),
      score('rankCorrelation', 'rank correlation'),
    ],
    measure: (answers, rows, { values }) =>
      evaluateNumbers(
        answers.map((answer) => itemAt(answer, 0)),
        rows.map((row) => itemAt(values, row)),
      ),
  },
};
