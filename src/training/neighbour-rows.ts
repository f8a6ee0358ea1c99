import { throwIfCancelled } from '../cancellation.ts';
import type { Dataset } from '../datasets/example.ts';
import { mostNeighbours, type Neighbours, neighbourColumn, setNeighbour } from '../heads/neighbours.ts';
import { itemAt } from '../indexing.ts';
import { contentId } from '../modalities/content.ts';
import { isFitted } from '../modalities/registry.ts';
import type { FeatureTable } from './features/feature-table.ts';
import { inBatches } from './features/in-batches.ts';

const rowsAtOnce = 1024;

/**
 * The rows that a head keeps of its training: all of them, or a sample that is the same for the same rows. Of rows with
 * the same content the first is kept.
 * @param trained places of the rows that the served head was trained on
 * @returns undefined where there is nothing to compare them by: rows of a few fitted numbers are often alike
 * @throws TandemError `job-cancelled` where the signal aborts
 * @example const neighbours = await neighboursOf(table, dataset, split.train);
 */
export async function neighboursOf(
  table: FeatureTable,
  { examples }: Pick<Dataset, 'examples'>,
  trained: readonly number[],
  signal?: AbortSignal,
): Promise<Neighbours | undefined> {
  const columns = table.columns.filter(({ modality }) => !isFitted(modality));
  if (columns.length === 0) return undefined;
  const modalities = table.columns.map(({ modality }) => modality);
  const byId = new Map<string, number>();
  for (const place of trained.toSorted((a, b) => a - b)) {
    const id = contentId(itemAt(examples, place).content, modalities);
    if (!byId.has(id)) byId.set(id, place);
  }
  const kept = [...byId].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, mostNeighbours);
  const rows = kept.map(([id, place]) => {
    const { row, truth } = itemAt(examples, place);
    return { row, id, truth };
  });
  const filled = columns.map(async (column) => {
    const into = neighbourColumn(column, rows.length);
    const { dimension } = column;
    let row = 0;
    for (const some of inBatches(kept, rowsAtOnce)) {
      throwIfCancelled(signal, 'while the training rows were kept');
      const features = new Float32Array(some.length * dimension);
      await column.read(
        some.map(([, place]) => place),
        features,
      );
      for (let start = 0; start < features.length; start += dimension)
        setNeighbour(into, row++, features.subarray(start, start + dimension));
    }
    return into;
  });
  return { rows, columns: await Promise.all(filled) };
}
