import type { Example } from '../datasets/example.ts';
import type { ItemProbabilities } from '../heads/head.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import type { TruthTable } from '../targets/truth-table.ts';
import type { TrainingHistory } from './loop/history.ts';

export type TestExample = Example & { probabilities: ItemProbabilities };

/** A test example and the training example that it looks like. */
export interface NearDuplicateExamples {
  test: TestExample;
  train: Example;
  /** Cosine of their features. */
  similarity: number;
}

/** All that a report tells of a head that was trained and asked about the test split. */
export interface ReportInput {
  manifest: HeadManifest;
  history: TrainingHistory;
  /** Every example of the test split with what the head said of it; probabilities in the order of the labels. */
  test: readonly TestExample[];
  /** What is true of them. */
  truth: TruthTable;
  /** Test examples that look like one trained on, the likest first; absent where nobody looked. */
  nearDuplicates?: readonly NearDuplicateExamples[];
}

/** Writes the report of a head to a file. */
export type WriteReport = (file: string, input: ReportInput) => Promise<void>;
