/** Where a fine-tuning stands. `features` counts examples encoded, `training` counts optimizer steps. */
export interface TrainingProgress {
  stage: 'features' | 'training' | 'evaluation';
  done: number;
  total: number;
  /** Mean training loss over the last steps; only while training. */
  loss?: number;
  /** Share of the last batches classified rightly; only while training. */
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
