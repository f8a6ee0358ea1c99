import type { ItemProbabilities } from '../inference/head.ts';
import type { HeadManifest } from '../inference/head-manifest.ts';
import type { Example } from './dataset/dataset.ts';
import type { TrainingHistory } from './trainer.ts';

export interface ReportInput {
  manifest: HeadManifest;
  history: TrainingHistory;
  /** Every example of the test split with what the head said of it; probabilities in the order of the labels. */
  test: (Example & { probabilities: ItemProbabilities })[];
}

/** Writes the report as one HTML file that needs nothing else. */
export async function writeReport(_file: string, _input: ReportInput): Promise<void> {}
