import type { TargetKind } from './target.ts';
import { targets as kinds } from './targets.ts';
import { labelsOf, numberOf, type Truth } from './truth.ts';

/** What is to be learnt about each row, where it is not one label: a number for each column. */
export interface TargetTable {
  kind: 'multi' | 'regression';
  columns: number;
  /** Row-major: 1 and 0 for several labels, else the numbers themselves, as exact as they were written. */
  values: Float32Array | Float64Array;
}

/** Examples and what is to be learnt about them. */
interface Labelled {
  examples: readonly { truth: Truth }[];
  labels: readonly string[];
  target: TargetKind;
}

/** Index of each example's label, or of its stratum and the numbers to learn. */
export function encodeTargets({ examples, labels, target }: Labelled): {
  labels: Int32Array;
  targets?: TargetTable;
} {
  const truths = examples.map(({ truth }) => truth);
  const strata = kinds[target].strata(truths);
  const names = target === 'single' ? labels : [...new Set(strata)].sort();
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const encoded = Int32Array.from(strata, (name) => indexOf.get(name)!);
  if (target === 'single') return { labels: encoded };
  const columns = labels.length;
  const values = numbersFor(target, examples.length * columns);
  const columnOf = new Map(labels.map((label, index) => [label, index]));
  for (const [row, truth] of truths.entries()) {
    if (target === 'regression') values[row] = numberOf(truth);
    else for (const label of labelsOf(truth)) values[row * columns + columnOf.get(label)!] = 1;
  }
  return { labels: encoded, targets: { kind: target, columns, values } };
}

/** The targets of some rows, in the order given. */
export function selectTargets({ kind, columns, values }: TargetTable, rows: ArrayLike<number>): TargetTable {
  const selected = numbersFor(kind, rows.length * columns);
  for (let index = 0; index < rows.length; index++) {
    const from = rows[index] * columns;
    selected.set(values.subarray(from, from + columns), index * columns);
  }
  return { kind, columns, values: selected };
}

function numbersFor(kind: TargetTable['kind'], length: number): TargetTable['values'] {
  return kind === 'multi' ? new Float32Array(length) : new Float64Array(length);
}
