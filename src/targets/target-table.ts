import { labelsIn } from './labels-in.ts';
import type { TargetKind } from './target.ts';

/** What is to be learnt about each row, where it is not one label: a number for each column. */
export interface TargetTable {
  kind: 'multi' | 'regression';
  columns: number;
  /** Row-major: 1 and 0 for several labels, else the numbers themselves, as exact as they were written. */
  values: Float32Array | Float64Array;
}

/** Examples and what is to be learnt about them. */
interface Labelled {
  examples: readonly { label: string }[];
  labels: readonly string[];
  target: TargetKind;
  labelSeparator: string;
}

/** Parts that numbers are sorted into, so that both sides of a split hold small and large ones. */
const quantiles = 10;

/**
 * What each example is split by: its label; of several, the rarest; of numbers, their tenth.
 * @returns a name for each example
 */
export function strataOf({ examples, target, labelSeparator }: Labelled): string[] {
  if (target === 'single') return examples.map(({ label }) => label);
  if (target === 'regression') {
    const order = [...examples.keys()].sort((a, b) => Number(examples[a].label) - Number(examples[b].label));
    const strata = new Array<string>(examples.length);
    for (const [rank, row] of order.entries())
      strata[row] = String(Math.floor((rank * Math.min(quantiles, examples.length / 2)) / examples.length));
    return strata;
  }
  const own = examples.map(({ label }) => labelsIn(label, labelSeparator));
  const counts = new Map<string, number>();
  for (const label of own.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
  return own.map((labels) => labels.sort((a, b) => counts.get(a)! - counts.get(b)!)[0] ?? '');
}

/** Index of each example's label, or of its stratum and the numbers to learn. */
export function encodeTargets(dataset: Labelled): { labels: Int32Array; targets?: TargetTable } {
  const { examples, labels, target, labelSeparator } = dataset;
  const strata = strataOf(dataset);
  const names = target === 'single' ? labels : [...new Set(strata)].sort();
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const encoded = Int32Array.from(strata, (name) => indexOf.get(name)!);
  if (target === 'single') return { labels: encoded };
  const columns = labels.length;
  const values = numbersFor(target, examples.length * columns);
  for (const [row, { label }] of examples.entries()) {
    if (target === 'regression') values[row] = Number(label);
    else for (const own of labelsIn(label, labelSeparator)) values[row * columns + labels.indexOf(own)] = 1;
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
