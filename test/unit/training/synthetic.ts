import type { ModalityName } from '../../../src/modalities/registry.ts';
import { Random } from '../../../src/random.ts';
import {
  type FeatureTable,
  type MemoryColumn,
  memoryColumn,
} from '../../../src/training/features/feature-table.ts';

/** Features whose first `classes` numbers lean towards the label, by `strength`; all else is noise. */
export function syntheticTable(options: {
  rows: number;
  classes: number;
  dimensions: Partial<Record<ModalityName, number>>;
  strength?: number;
  /** Share of the rows that lack a modality. */
  missing?: Partial<Record<ModalityName, number>>;
  seed?: number;
}): FeatureTable<MemoryColumn> {
  const { rows, classes, dimensions, strength = 2.5, missing = {}, seed = 1 } = options;
  const random = new Random(seed, 'synthetic');
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
  const columns = (Object.entries(dimensions) as [ModalityName, number][]).map(([modality, dimension]) => {
    const present = Uint8Array.from({ length: rows }, () =>
      Number(random.nextFloat() >= (missing[modality] ?? 0)),
    );
    const values = Float32Array.from({ length: rows * dimension }, (_, index) => {
      const row = Math.floor(index / dimension);
      const signal = index % dimension === labels[row] ? strength : 0;
      return present[row] * (signal + random.nextFloat() * 2 - 1);
    });
    return memoryColumn({ modality, dimension, values, present });
  });
  return { columns, strata: labels, truth: { target: 'single', columns: 1, values: labels } };
}
