import { itemAt, valueFor } from '../indexing.ts';
import { mean } from './mean.ts';
import type { Outcome } from './outcome.ts';

export interface LabelError {
  outcome: Outcome;
  /** The class that the example seems to belong to. */
  suggested: number;
}

/**
 * Examples whose label is probably wrong, the most probable first. Confident learning in its simplest form (Northcutt,
 * Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal of Artificial Intelligence
 * Research 70, 2021): each class has a threshold, the average probability that the head gives it on examples labelled
 * so. An example that stays below the threshold of its own label and passes that of another is suspicious.
 */
export function likelyLabelErrors(outcomes: readonly Outcome[]): LabelError[] {
  const thresholds = [...Map.groupBy(outcomes, ({ actual }) => actual)].map(
    ([label, members]) => [label, mean(members.map((member) => probability(member, label)))] as const,
  );
  const thresholdOf = new Map(thresholds);
  return outcomes
    .flatMap((outcome): LabelError[] => {
      const { actual } = outcome;
      if (probability(outcome, actual) >= valueFor(thresholdOf, actual)) return [];
      const [suggested] = thresholds
        .filter(([label, threshold]) => label !== actual && probability(outcome, label) > threshold)
        .map(([label]) => label)
        .sort((a, b) => probability(outcome, b) - probability(outcome, a));
      return suggested === undefined ? [] : [{ outcome, suggested }];
    })
    .sort((a, b) => margin(b) - margin(a));
}

function probability({ example }: Outcome, label: number): number {
  return itemAt(example.probabilities.fused, label);
}

function margin({ outcome, suggested }: LabelError): number {
  return probability(outcome, suggested) - probability(outcome, outcome.actual);
}
