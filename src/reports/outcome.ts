import { largestIndex } from '../evaluation/single-label.ts';
import { itemAt } from '../indexing.ts';
import { textOf } from '../targets/truth.ts';
import type { TestExample } from '../training/report-input.ts';

/** A test example beside what the head made of it. Classes are indices into the head's labels. */
export interface Outcome {
  example: TestExample;
  actual: number;
  predicted: number;
  /** Probability of the predicted class. */
  confidence: number;
}

export function outcomesOf(labels: readonly string[], test: readonly TestExample[]): Outcome[] {
  const indexOf = new Map(labels.map((label, index) => [label, index]));
  return test.map((example) => {
    const label = textOf(example.truth);
    const actual = indexOf.get(label);
    if (actual === undefined)
      throw new Error(`row ${example.row} has the label ${JSON.stringify(label)}, not one of the head's`);
    const { fused } = example.probabilities;
    const predicted = largestIndex(fused);
    return { example, actual, predicted, confidence: itemAt(fused, predicted) };
  });
}

export function isRight({ actual, predicted }: Outcome): boolean {
  return actual === predicted;
}

/** The wrong answers, the surest first. */
export function mistakesIn(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter((outcome) => !isRight(outcome)).sort((a, b) => b.confidence - a.confidence);
}
