import type { SplitRows } from '../datasets/split/split-rows.ts';
import { emitFunction } from '../graph/emit.ts';
import { cast } from '../graph/operations/elementwise.ts';
import { gemm } from '../graph/operations/linear.ts';
import { argMax, rowMaximum } from '../graph/operations/selection.ts';
import { dynamic, input } from '../graph/value.ts';
import { itemAt, required } from '../indexing.ts';
import { isFitted } from '../modalities/registry.ts';
import type { Engine } from '../runtime/engine.ts';
import { float32, floatsOf } from '../runtime/tensor.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { inBatches } from './features/in-batches.ts';

/** A test row that looks like a row that the head was trained on. */
export interface NearDuplicate {
  test: number;
  train: number;
  /** Cosine of the two rows' features, all modalities joined. */
  similarity: number;
}

/** Re-encoded, resized and slightly cropped images with the same text lie above; distinct things hardly ever do. */
const threshold = 0.97;
/** Rows of each side that are in memory at a time, whatever the number of examples. */
const [knownAtOnce, askedAtOnce] = [8192, 256];
/** Beyond this many comparisons the search would take longer than the training. */
const mostComparisons = 2e9;

/**
 * Finds the test rows whose nearest training row is nearly the same, the nearest first. A head may simply remember
 * them, and a test on them flatters it.
 * @returns undefined where there are too many rows to compare, or nothing to compare them by
 * @example const twins = await nearDuplicates(engine, table, { train, test });
 */
export async function nearDuplicates(
  engine: Engine,
  { columns: all, ...others }: FeatureTable,
  { train, test }: SplitRows,
): Promise<NearDuplicate[] | undefined> {
  // Rows of a few fitted numbers are often alike and no copies of each other.
  const table = { ...others, columns: all.filter(({ modality }) => !isFitted(modality)) };
  if (table.columns.length === 0 || train.length * test.length > mostComparisons) return undefined;
  const D = table.columns.reduce((total, { dimension }) => total + dimension, 0);
  const known = input('known', [dynamic, D]);
  const asked = input('asked', [dynamic, D]);
  const cosines = gemm(asked, known, { transposeB: true });
  const nearest = cast(argMax(cosines), 'int32');
  const session = await engine.load(
    emitFunction([asked, known], { nearest, similarity: rowMaximum(cosines) }),
  );
  const found: NearDuplicate[] = test.map((row) => ({ test: row, train: -1, similarity: -1 }));
  try {
    for (const some of inBatches(train, knownAtOnce)) {
      await session.bind({ known: float32([some.length, D], await directions(table, some)) });
      for (const twins of inBatches(found, askedAtOnce)) {
        const rows = twins.map(({ test }) => test);
        const feeds = { asked: float32([rows.length, D], await directions(table, rows)) };
        const results = await session.run(feeds);
        const similarity = floatsOf(results, 'similarity');
        const { data: nearest } = required(results.nearest, 'the nearest rows');
        for (const [index, twin] of twins.entries()) {
          const value = itemAt(similarity, index);
          if (value > twin.similarity)
            Object.assign(twin, { train: itemAt(some, Number(nearest[index])), similarity: value });
        }
      }
    }
  } finally {
    await session.release();
  }
  return found.filter(({ similarity }) => similarity > threshold).sort((a, b) => b.similarity - a.similarity);
}

/** Rows of length 1, to which every modality present contributes alike. */
async function directions({ columns }: FeatureTable, rows: readonly number[]): Promise<Float32Array> {
  const D = columns.reduce((total, { dimension }) => total + dimension, 0);
  const result = new Float32Array(rows.length * D);
  let offset = 0;
  for (const { dimension, read, present } of columns) {
    const values = new Float32Array(rows.length * dimension);
    await read(rows, values);
    for (const [index, row] of rows.entries()) {
      if (present[row] === 0) continue;
      const known = columns.filter((column) => column.present[row] === 1).length;
      const own = values.subarray(index * dimension, (index + 1) * dimension);
      const norm = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0) * known);
      if (norm > 0)
        for (const [place, value] of own.entries()) result[index * D + offset + place] = value / norm;
    }
    offset += dimension;
  }
  return result;
}
