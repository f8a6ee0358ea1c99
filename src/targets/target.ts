import type { VarianceProxy } from '../arl/objective.ts';
import type { OutputScaling } from '../arl/serving.ts';
import type { TargetLoss } from '../arl/target-loss.ts';
import type { Value } from '../graph/value.ts';
import type { AnswerModel } from './answer-family.ts';
import type { NumberSpread } from './number-spread.ts';
import type { PredictionOptions, TargetPrediction, Verdict } from './prediction.ts';
import type { TargetKind } from './target-kind.ts';
import type { Truth } from './truth.ts';
import type { TruthTable } from './truth-table.ts';

/** A cell of a table: its trimmed text, or that of each item of a list; null for what is neither text nor a number. */
export type Cell = string | null | readonly (string | null)[];

/** How problems name the cell, and what stands between several labels in one text. */
export interface CellOptions {
  name: string;
  separator: string;
}

/** What is wrong, in words. */
export interface Problem {
  problem: string;
}

/** An example of a dataset that is checked. */
export interface LabelledExample {
  /** Where it stands, for problems. */
  at: string;
  truth: Truth;
  split?: 'train' | 'test';
}

/** How much each example counts, or each number of its truth: row-major, so many columns to a row. */
export interface ExampleWeights {
  columns: number;
  values: Float32Array;
}

/** A value of a recipe's setting that a target rejects. */
export interface RefusedChoice {
  setting: 'classWeights' | 'variance';
  value: string;
  why: string;
}

/** What a person allows of a dataset. */
export interface CheckOptions {
  /** A label of one example is learnt, and never tested. */
  keepsRareLabels?: boolean;
}

/** Takes a problem and where it is. */
export type ReportProblem = (at: string, detail: string) => void;

/** Everything that differs between the kinds of targets. A target is only asked about truths of its own kind. */
export interface Target {
  readonly kind: TargetKind;
  /**
   * The ground truth in a cell of a table, or what is wrong with it.
   * @example targets.multi.read('red|big', { name: '"label"', separator: '|' }) // { classes: ['big', 'red'] }
   */
  read(cell: Cell, options: CellOptions): Truth | Problem;
  /** A value of JSON that {@link read} reads as the same truth, whatever the separator. */
  write(truth: Truth): string | string[] | number;
  /** What a head for such examples answers with: its labels, or what its numbers are called. */
  outputs(truths: readonly Truth[], column: string): string[];
  /** The column that an export has the truths in. */
  exportColumn(outputs: readonly string[]): string;
  /** A truth in a sentence: `the label "cat"`. */
  describe(truth: Truth): string;
  /** Reports what keeps a head from being trained on examples, one or more of them. */
  check(
    examples: readonly LabelledExample[],
    dataset: string,
    report: ReportProblem,
    options?: CheckOptions,
  ): void;
  /** Places in the list of examples whose label has too few others to be both learnt and tested; absent where there is no such. */
  tooRare?(examples: readonly LabelledExample[]): number[];
  /** Notes on truths that may not be meant as they were read. */
  hints(truths: readonly Truth[], separator: string): string[];
  /** How numbers spread; absent where there are none. */
  spread?(truths: readonly Truth[]): NumberSpread;
  /** What each example is split by, so that both sides hold examples of every kind. */
  strata(truths: readonly Truth[]): string[];
  readonly loss: TargetLoss;
  /** What a row of logits stands for: probabilities, or the numbers. */
  activate(logits: Float32Array): Float64Array;
  /** Entropy of an answer, in nats; numbers have none. */
  entropy?(answer: Float64Array): number;
  /** The same two in the graph, of any number of rows [n, C]: answers [n, C], and their entropy [n, 1]. */
  readonly inGraph: { activate(logits: Value): Value; entropy?(answer: Value): Value };
  /** What such a row predicts. */
  predict(answer: Float64Array, options: PredictionOptions): TargetPrediction;
  /** What such a row decides, all of it, and how sure that is; absent where answers are numbers. */
  verdict?(answer: Float64Array, thresholds: () => readonly number[]): Verdict;
  /** The decision that is right for a row of a table; absent where answers are numbers. */
  rightDecision?(truth: TruthTable, row: number): string;
  /** How far an answer is from the truth of a row; absent where answers are labels. */
  distance?(answer: Float64Array, truth: TruthTable, row: number): number;
  /** The truths as the numbers of a {@link TruthTable}. @throws RangeError where a label is not among the labels */
  encode(truths: readonly Truth[], labels: readonly string[]): Pick<TruthTable, 'columns' | 'values'>;
  /** What is answered where nothing is known: how often each output is among some rows, or the mean of their numbers. */
  prior(truth: TruthTable, rows: readonly number[], outputs: number): Float64Array;
  /** Whether some rows of a table teach what is to be predicted of a row. */
  isTaught(truth: TruthTable, by: readonly number[]): (row: number) => boolean;
  /** Weights under which every label counts the same in all, 1 on average; absent where there are no labels. */
  balancedWeights?(truth: TruthTable): ExampleWeights;
  /** What brings numbers to mean 0 and deviation 1; absent where there are none. */
  outputScaling?(truth: TruthTable): OutputScaling;
  /** How answers to the rows of a table are pooled and calibrated. */
  answerModel(truth: TruthTable): AnswerModel;
  /** Whether each label is predicted from a threshold of its own on. */
  readonly hasThresholds: boolean;
  /** What stands for the variance of a modality where the recipe names nothing. */
  readonly variance: VarianceProxy;
  /** Choices of a recipe that the target rejects. */
  readonly refused: readonly RefusedChoice[];
  /** What a head with so many outputs answers with, in words: `12 labels`. */
  describeAnswers(outputs: number): string;
}
