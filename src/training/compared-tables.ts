import { classifierOf } from '../heads/head.ts';
import type { ItemFeatures } from '../heads/item-features.ts';
import { itemAt, required } from '../indexing.ts';
import type { ModalityName } from '../modalities/registry.ts';
import type { Engine } from '../runtime/engine.ts';
import type { FeatureColumn, FeatureTable } from './features/feature-table.ts';
import { inBatches } from './features/in-batches.ts';
import { rowsPerRun } from './loop/answer-rows.ts';
import type { TrainedHead } from './loop/fit.ts';

/** What tells how alike rows are: to the head that is measured, and to the one that is served. */
export interface ComparedTables {
  measured: FeatureTable;
  served: FeatureTable;
}

/** What was trained, and how many blocks of encoders with it. */
interface TrainedHeads {
  table: FeatureTable;
  fitted: TrainedHead;
  refit?: TrainedHead;
  tuning?: { blocks: Partial<Record<ModalityName, number>> };
}

/**
 * The table; of a tuned head, with what its own blocks make in the place of what the blocks below give: rows of those are
 * long, and say what tokens are where. It is computed when it is read.
 * @example
 * await using compared = await openCompared(engine, { table, fitted, refit, tuning: { blocks: { text: 2 } } });
 * const neighbours = await neighboursOf(compared.served, dataset, rows);
 */
export async function openCompared(
  engine: Engine,
  { table, fitted, refit = fitted, tuning }: TrainedHeads,
): Promise<ComparedTables & AsyncDisposable> {
  if (!tuning) return { measured: table, served: table, async [Symbol.asyncDispose]() {} };
  const { blocks } = tuning;
  const measured = await openEmbedded(engine, fitted, { table, blocks });
  const served = refit === fitted ? measured : await openEmbedded(engine, refit, { table, blocks });
  return {
    ...{ measured: measured.table, served: served.table },
    async [Symbol.asyncDispose]() {
      for (const one of new Set([measured, served])) await one.release();
    },
  };
}

async function openEmbedded(
  engine: Engine,
  { weights, scaling }: TrainedHead,
  { table, blocks }: Pick<TrainedHeads, 'table'> & (TrainedHeads['tuning'] & {}),
) {
  const taken = table.columns.map(({ modality, dimension }, m) => ({
    ...{ modality, dimension },
    ...(blocks[modality] && { embeddingDimension: itemAt(scaling, m).mean.length }),
  }));
  const classifier = classifierOf(await engine.load(weights.slice()), taken, table.truth.target);
  const embed = async (items: readonly ItemFeatures[], modality: ModalityName) =>
    (await classifier.classify(items)).map(({ embeddings }) => required(embeddings?.[modality], 'features'));
  const columns = table.columns.map((column, m) => {
    const { embeddingDimension } = itemAt(taken, m);
    return embeddingDimension === undefined ? column : embeddedColumn(column, embeddingDimension, embed);
  });
  return { table: { ...table, columns }, release: () => classifier.release() };
}

function embeddedColumn(
  column: FeatureColumn,
  dimension: number,
  embed: (items: readonly ItemFeatures[], modality: ModalityName) => Promise<Float32Array[]>,
): FeatureColumn {
  const { modality, present } = column;
  const length = column.dimension;
  return {
    ...{ modality, dimension, present },
    async read(rows, into) {
      into.fill(0, 0, rows.length * dimension);
      const known = Array.from(rows, (row, index) => ({ row, index })).filter(
        ({ row }) => present[row] === 1,
      );
      for (const some of inBatches(known, rowsPerRun(length))) {
        const given = new Float32Array(some.length * length);
        await column.read(
          some.map(({ row }) => row),
          given,
        );
        const items = some.map(
          (_, at): ItemFeatures => ({ [modality]: given.subarray(at * length, (at + 1) * length) }),
        );
        for (const [at, features] of (await embed(items, modality)).entries())
          into.set(features, itemAt(some, at).index * dimension);
      }
    },
  };
}
