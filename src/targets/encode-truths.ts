import { valueFor } from '../indexing.ts';
import type { TargetKind } from './target-kind.ts';
import { targets } from './targets.ts';
import type { Truth } from './truth.ts';
import type { TruthTable } from './truth-table.ts';

/** The truths of some examples. */
interface Labelled {
  examples: readonly { truth: Truth }[];
  /** In the order of a head's outputs. */
  labels: readonly string[];
  target: TargetKind;
}

/**
 * The truths of examples as numbers, and the index of what each example is split by.
 * @throws RangeError where a label is not among the labels
 */
export function encodeTruths({ examples, labels, target }: Labelled): {
  strata: Int32Array;
  truth: TruthTable;
} {
  const truths = examples.map(({ truth }) => truth);
  const strata = targets[target].strata(truths);
  const indexOf = new Map([...new Set(strata)].sort().map((name, index) => [name, index]));
  return {
    strata: Int32Array.from(strata, (name) => valueFor(indexOf, name)),
    truth: { target, ...targets[target].encode(truths, labels) },
  };
}
