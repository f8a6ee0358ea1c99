/**
 * Where a fine-tuning stands. `checking` counts examples, `features` pictures and texts encoded, `training` optimizer steps, `search` and
 * `comparison` whole trainings.
 */
export interface TrainingProgress {
  stage: 'checking' | 'features' | 'search' | 'training' | 'evaluation' | 'comparison';
  done: number;
  total: number;
  /** Mean training loss over the last steps, while training; of the last head on the test split, while comparing. */
  loss?: number;
  /** Share of the last batches, or of the test split, classified rightly. */
  accuracy?: number;
}

/** The figures that people ask for first. All from the test split, which is read once, at the end. */
export interface HeadMetrics {
  examples: number;
  accuracy: number;
  macroF1: number;
  /** Mean negative log likelihood, natural logarithm. */
  negativeLogLikelihood: number;
  /** Expected calibration error over 15 equal-width bins. */
  calibrationError: number;
}

/** What a fine-tuning ends with. */
export interface TrainingSummary {
  head: string;
  version: number;
  labels: string[];
  examples: { training: number; test: number };
  metrics: { fused: HeadMetrics; image?: HeadMetrics; text?: HeadMetrics };
  seconds: { features: number; training: number; total: number };
  /** Folder of the head: head.onnx, head.json and report.html. */
  folder: string;
}
