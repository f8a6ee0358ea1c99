import type { TargetLoss } from '../arl/target-loss.ts';
import type { NumberSpread } from './number-spread.ts';
import type { Truth } from './truth.ts';

/** What a head learns to predict: one label, any of several labels, or numbers. */
export const targetKinds = ['single', 'multi', 'regression'] as const;
export type TargetKind = (typeof targetKinds)[number];

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

/** Takes a problem and where it is. */
export type ReportProblem = (at: string, detail: string) => void;

/** Everything that differs between the kinds of targets. A target is only asked about truths of its own kind. */
export interface Target {
  readonly kind: TargetKind;
  /** The ground truth that a cell of a table tells, or what is wrong with it. */
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
  check(examples: readonly LabelledExample[], dataset: string, report: ReportProblem): void;
  /** Notes on truths that may not be meant as they were read. */
  hints(truths: readonly Truth[], separator: string): string[];
  /** How numbers spread; absent where there are none. */
  spread?(truths: readonly Truth[]): NumberSpread;
  /** What each example is split by, so that both sides hold examples of every kind. */
  strata(truths: readonly Truth[]): string[];
  readonly loss: TargetLoss;
}
