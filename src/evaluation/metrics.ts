/** Figures by name; `examples` is always among them. */
export type Metrics = Record<string, number>;

/** The figure of a name; NaN if missing. */
export function figureNamed(name: string, metrics: Metrics): number {
  return metrics[name] ?? Number.NaN;
}

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

export const score = (name: string, title: string): MetricTitle => ({
  name,
  title,
  isShare: false,
  moreIsBetter: true,
});
export const share = (name: string, title: string): MetricTitle => ({ ...score(name, title), isShare: true });
export const error = (name: string, title: string): MetricTitle => ({
  ...score(name, title),
  moreIsBetter: false,
});
