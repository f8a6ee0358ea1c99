import type { AnswerMetrics } from '../evaluation/answers.ts';
import type { TargetKind } from '../targets/target-kind.ts';
import type { EvaluatedSplit } from './choices.ts';

/** What a head scored on a dataset. */
export interface Evaluation {
  head: { name: string; version: number };
  target: TargetKind;
  dataset: string;
  metrics: AnswerMetrics;
  rows: EvaluatedRows;
}

/**
 * The side that was measured, how many examples that are, and from how many of them the head learned, so that they
 * flatter it; undefined where it keeps no record.
 */
export interface EvaluatedRows {
  split: EvaluatedSplit;
  examples: number;
  trainedOn?: number;
}

/**
 * What a person must know of figures on rows that the head learned from.
 * @param howToAsk for the split `test`, as the caller writes it: `--split test`
 * @returns undefined where it learned from none, or keeps no record
 * @example noteTrainedOn(evaluation, '"split": "test"')
 */
export function noteTrainedOn(
  { head, rows }: Pick<Evaluation, 'head' | 'rows'>,
  howToAsk: string,
): string | undefined {
  if (!rows.trainedOn) return undefined;
  return `${head.name}@${head.version} learned from ${rows.trainedOn} of the ${rows.examples} examples, which flatters it; ${howToAsk} measures it on those that it did not`;
}
