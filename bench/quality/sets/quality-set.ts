import type { SplitRows } from '../../../src/datasets/split/split-rows.ts';
import { Random } from '../../../src/random.ts';
import type { FeatureTable, MemoryColumn } from '../../../src/training/features/feature-table.ts';

/** Encoded examples with their labels, and how they are divided for a seed. */
export interface LabelledFeatures {
  table: FeatureTable<MemoryColumn>;
  classes: number;
  /** The texts themselves, for rivals that read words: one for each row, empty where there is none. */
  texts?: readonly string[];
  split(seed: number): SplitRows;
  /** Where the examples were drawn from a known distribution: its class probabilities for a row. */
  truth?(row: number): ArrayLike<number>;
}

/** A dataset of the benchmark. */
export interface QualitySet {
  name: string;
  about: string;
  load(): Promise<LabelledFeatures>;
}

/** Divides rows label by label: of each, `take(count)` rows train and the rest test. */
export function splitByLabel(
  labels: ArrayLike<number>,
  seed: number,
  take: (count: number) => number,
): SplitRows {
  const random = new Random(seed, 'quality split');
  const byLabel = Map.groupBy(Array.from(labels).keys(), (row) => labels[row]);
  const sides = [...byLabel.values()].map((rows) => {
    const shuffled = random.shuffle(rows);
    const count = take(rows.length);
    return { train: shuffled.slice(0, count), test: shuffled.slice(count) };
  });
  const inOrder = (side: 'train' | 'test') => sides.flatMap((rows) => rows[side]).sort((a, b) => a - b);
  return { train: inOrder('train'), test: inOrder('test') };
}

/** Four fifths of each label train. */
export const fourFifths = (count: number) => count - Math.max(1, Math.round(count / 5));
