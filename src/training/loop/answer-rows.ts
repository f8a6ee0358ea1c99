import { throwIfCancelled } from '../../cancellation.ts';
import { joinFeatures } from '../../encoders/join-features.ts';
import type { Classifier, ItemProbabilities } from '../../heads/head.ts';
import type { ItemFeatures } from '../../heads/item-features.ts';
import type { FeatureTable } from '../features/feature-table.ts';

const mostRowsPerRun = 1024;
/** Numbers that a run is given, about: what a head begins with inside an encoder is long, and grows in it. */
const numbersPerRun = 2 ** 21;

/** Rows of so many numbers that a head answers at a time. */
export function rowsPerRun(numbers: number): number {
  return Math.max(1, Math.min(mostRowsPerRun, Math.floor(numbersPerRun / numbers)));
}

/**
 * What a head says of every row.
 * @param table as it takes it; see {@link inputColumns}
 * @throws TandemError `job-cancelled` where the signal aborts
 */
export async function answerRows(
  classifier: Classifier,
  { columns, strata }: FeatureTable,
  signal?: AbortSignal,
): Promise<ItemProbabilities[]> {
  const answers: ItemProbabilities[] = [];
  const numbers = columns.reduce((sum, { dimension }) => sum + dimension, 0);
  const most = rowsPerRun(numbers);
  for (let first = 0; first < strata.length; first += most) {
    throwIfCancelled(signal, `after ${first} of ${strata.length} answers`);
    const rows = Int32Array.from({ length: Math.min(most, strata.length - first) }, (_, row) => first + row);
    const features = await Promise.all(
      columns.map(async ({ modality, dimension, present, read }) => {
        const values = new Float32Array(rows.length * dimension);
        await read(rows, values);
        return {
          modality,
          at: (index: number) => values.subarray(index * dimension, (index + 1) * dimension),
          present,
        };
      }),
    );
    const items = Array.from(rows, (row, index): ItemFeatures => {
      const has = features.filter(({ present }) => present[row] === 1);
      const item: ItemFeatures = {};
      for (const { modality, at } of has) {
        const own = item[modality];
        item[modality] = own ? joinFeatures([own, at(index)]) : at(index);
      }
      return item;
    });
    for (const { fused, unimodal } of await classifier.classify(items)) answers.push({ fused, unimodal });
  }
  return answers;
}
