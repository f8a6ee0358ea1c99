import type { SeveralLabelsMetrics } from './metrics.ts';

/** Probabilities and truth of several labels: rows of one number for each label, the truth 1 or 0. */
type Rows = readonly ArrayLike<number>[];

const smallest = 1e-12;
/** Yes or no to a label, counted. */
export interface DecisionCounts {
  /** Rightly given. */
  right: number;
  given: number;
  /** Borne. */
  actual: number;
}

export function noDecisions(): DecisionCounts {
  return { right: 0, given: 0, actual: 0 };
}

export function countDecision(counts: DecisionCounts, given: boolean, actual: boolean): void {
  counts.given += Number(given);
  counts.actual += Number(actual);
  counts.right += Number(given && actual);
}

/** 1 where a label is neither given nor borne. */
export function f1Of({ right, given, actual }: DecisionCounts): number {
  return given + actual === 0 ? 1 : (2 * right) / (given + actual);
}

/**
 * Figures of answers that may give several labels.
 * @param thresholdsOf the probability from which each label is given in the answer of a row
 */
export function evaluateSeveralLabels(
  rows: Rows,
  truth: Rows,
  thresholdsOf: (row: number) => readonly number[],
): SeveralLabelsMetrics {
  const counts = Array.from(rows[0] ?? [], noDecisions);
  let complete = 0;
  let logLikelihood = 0;
  for (const [row, probabilities] of rows.entries()) {
    let isComplete = true;
    const thresholds = thresholdsOf(row);
    const borne = truth[row] ?? [];
    for (const [label, count] of counts.entries()) {
      const probability = probabilities[label] ?? Number.NaN;
      const given = probability >= (thresholds[label] ?? Number.NaN);
      const actual = (borne[label] ?? Number.NaN) > 0.5;
      countDecision(count, given, actual);
      isComplete &&= given === actual;
      const likelihood = actual ? probability : 1 - probability;
      logLikelihood += Math.log(Math.max(likelihood, smallest));
    }
    complete += Number(isComplete);
  }
  const total = counts.reduce((sum, { right, given, actual }) => ({
    right: sum.right + right,
    given: sum.given + given,
    actual: sum.actual + actual,
  }));
  const occurring = counts.flatMap(({ actual }, label) => (actual > 0 ? [label] : []));
  return {
    examples: rows.length,
    microF1: f1Of(total),
    macroF1: mean(counts.filter(({ given, actual }) => given + actual > 0).map(f1Of)),
    averagePrecision: mean(occurring.map((label) => averagePrecision(rows, truth, label))),
    subsetAccuracy: complete / rows.length,
    negativeLogLikelihood: -logLikelihood / (rows.length * counts.length),
  };
}

/** The mean of the precision at every positive example, the likeliest first; ties count as one. */
function averagePrecision(rows: Rows, truth: Rows, label: number): number {
  const ranked = rank(rows, truth, label);
  let found = 0;
  let pending = 0;
  let sum = 0;
  for (const [index, { probability, isPositive }] of ranked.entries()) {
    pending += Number(isPositive);
    if (ranked[index + 1]?.probability === probability) continue;
    found += pending;
    sum += (pending * found) / (index + 1);
    pending = 0;
  }
  return sum / found;
}

function rank(rows: Rows, truth: Rows, label: number): { probability: number; isPositive: boolean }[] {
  return rows
    .map((row, index) => ({
      probability: row[label] ?? Number.NaN,
      isPositive: (truth[index]?.[label] ?? Number.NaN) > 0.5,
    }))
    .sort((a, b) => b.probability - a.probability);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
