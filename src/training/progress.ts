import type { AnswerMetrics } from '../evaluation/answers.ts';
import type { StartCurve } from '../heads/manifest.ts';
import type { PretrainedName } from '../modalities/registry.ts';
import type { TargetKind } from '../targets/target-kind.ts';

/**
 * Where a fine-tuning stands. `checking` counts examples, `features` images and texts encoded, `training`, `refit` and `tuning` optimizer steps, `search` and
 * `comparison` whole trainings.
 */
export interface TrainingProgress {
  stage: 'checking' | 'features' | 'search' | 'training' | 'refit' | 'tuning' | 'evaluation' | 'comparison';
  done: number;
  total: number;
  /** Mean training loss over the last steps, while training; of the last head on the test split, while comparing. */
  loss?: number;
  /** Share of the last batches, or of the test split, classified rightly. */
  accuracy?: number;
}

/** What a fine-tuning ends with. */
export interface TrainingSummary {
  head: string;
  version: number;
  labels: string[];
  examples: { training: number; test: number };
  /** Where the served head was trained anew on both sides, on so many. */
  refit?: { examples: number };
  target: TargetKind;
  metrics: AnswerMetrics;
  /** Of a head that was trained here. */
  seconds?: { features: number; training: number; total: number };
  /** Where it started from a head of label names: what examples added. */
  startedFrom?: { head: string; curve: StartCurve };
  /** Where the last blocks of encoders were trained with it: how many, and the ranks of adapters. */
  tuning?: {
    blocks: Partial<Record<PretrainedName, number>>;
    ranks?: Partial<Record<PretrainedName, number>>;
  };
  /** Folder of the head: head.onnx, head.json and report.html. */
  folder: string;
}
