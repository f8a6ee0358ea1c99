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

/** What a head answered to examples. */
export interface MeasuredAnswers {
  manifest: HeadManifest;
  /** The examples with what the head said of them; probabilities in the order of the labels. */
  test: readonly TestExample[];
  /** What is true of them. */
  truth: TruthTable;
  /** Whether the head learned from each; undefined where it keeps no record. */
  trainedOn?: readonly boolean[];
}

/** What the sections of a report are about that tell of answers. */
export interface AnswersReport extends MeasuredAnswers {
  /** Test examples that look like one trained on, the likest first; absent where nobody looked. */
  nearDuplicates?: readonly NearDuplicateExamples[];
  /** The dataset that was measured, where that is not the head's own test split. */
  evaluated?: string;
  /** What was said of the dataset and the work on it. */
  notes?: readonly string[];
}

/** All that a report tells of a head that was trained and asked about the test split. */
export interface ReportInput extends AnswersReport {
  history: TrainingHistory;
}

/** Writes the report of a head to a file. */
export type WriteReport = (file: string, input: ReportInput) => Promise<void>;
