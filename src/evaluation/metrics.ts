import type { TargetKind } from '../targets/target.ts';

/** Figures by name; `examples` is always among them. */
export type Metrics = Record<string, number>;

/** Of one label: the figures that people ask for first. */
export type LabelMetrics = {
  examples: number;
  accuracy: number;
  macroF1: number;
  /** Mean negative log likelihood, natural logarithm. */
  negativeLogLikelihood: number;
  /** Expected calibration error over 15 equal-width bins. */
  calibrationError: number;
};

/** Of any of several labels. */
export type SeveralLabelsMetrics = {
  examples: number;
  /** F1 of all decisions together, and the mean of the labels' own. */
  microF1: number;
  macroF1: number;
  /** Mean over the labels of the area under precision and recall. */
  averagePrecision: number;
  /** Share of the examples whose labels are all right. */
  subsetAccuracy: number;
  /** Mean over examples and labels, natural logarithm. */
  negativeLogLikelihood: number;
};

/** Of numbers, in their own unit. */
export type NumberMetrics = {
  examples: number;
  rootMeanSquareError: number;
  meanAbsoluteError: number;
  /** R²: the share of the variance that is explained. */
  determination: number;
  /** Spearman's. */
  rankCorrelation: number;
};

export interface MetricTitle {
  name: string;
  title: string;
  isShare: boolean;
  moreIsBetter: boolean;
}

const score = (name: string, title: string): MetricTitle => ({
  name,
  title,
  isShare: false,
  moreIsBetter: true,
});
const share = (name: string, title: string): MetricTitle => ({ ...score(name, title), isShare: true });
const error = (name: string, title: string): MetricTitle => ({ ...score(name, title), moreIsBetter: false });

/** How a target's figures are shown, the most telling first. */
export const metricTitles: Record<TargetKind, readonly MetricTitle[]> = {
  single: [
    share('accuracy', 'accuracy'),
    score('macroF1', 'macro-F1'),
    error('negativeLogLikelihood', 'negative log likelihood'),
    error('calibrationError', 'calibration error'),
  ],
  multi: [
    score('microF1', 'micro-F1'),
    score('macroF1', 'macro-F1'),
    score('averagePrecision', 'average precision'),
    share('subsetAccuracy', 'all labels right'),
    error('negativeLogLikelihood', 'negative log likelihood'),
  ],
  regression: [
    error('rootMeanSquareError', 'RMS error'),
    error('meanAbsoluteError', 'mean absolute error'),
    score('determination', 'R²'),
    score('rankCorrelation', 'rank correlation'),
  ],
};
