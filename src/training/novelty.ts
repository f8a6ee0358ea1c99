import { conformalRadius } from '../evaluation/conformal.ts';
import type { HeadManifest } from '../heads/manifest.ts';
import type { NeighbourColumn, Neighbours } from '../heads/neighbours.ts';
import { firstRows, logShare, nearestSimilarity, noveltyLimit } from '../heads/novelty.ts';
import { itemAt, valueFor } from '../indexing.ts';
import type { ModalityName } from '../modalities/registry.ts';
import type { FeatureColumn, FeatureTable } from './features/feature-table.ts';
import { inBatches } from './features/in-batches.ts';

/** Share of the held-out rows that may be taken for something new. */
const falseAlarms = 0.05;
/** Training rows that each item is compared with: more catch hardly more, and every prediction pays for them. */
const comparedRows = 512;
/** Held-out rows that limits are found on at most. */
const mostHeldOut = 5000;
const rowsAtOnce = 256;

/** What is unlike the training, as the manifest says it, and of each held-out row whether it is taken for that. */
export interface CalibratedNovelty {
  novelty?: HeadManifest['novelty'];
  isUnlike: boolean[];
}

/**
 * Finds how near the held-out rows come to the training rows, so that so many of them as agreed lie farther off. Rows of the
 * test side are no neighbours here, though the served head may have been trained on them.
 * @param held places of the held-out rows
 * @param isTraining whether the row of that number is on the training side
 */
export async function calibrateNovelty(
  { columns }: FeatureTable,
  held: readonly number[],
  neighbours: Neighbours | undefined,
  isTraining: (row: number) => boolean,
): Promise<CalibratedNovelty> {
  if (!neighbours) return { isUnlike: held.map(() => false) };
  const compared = neighbours.columns.map((column) => firstRows(column, comparedRows));
  const isCompared = (index: number) => isTraining(itemAt(neighbours.rows, index).row);
  const limits: Partial<Record<ModalityName, (number | null)[]>> = {};
  const similarities = new Map<ModalityName, Map<number, number>>();
  for (const column of compared) {
    const features = columns.find(({ modality }) => modality === column.modality);
    if (!features) continue;
    const own = await similaritiesOf(features, held.slice(0, mostHeldOut), column, isCompared);
    similarities.set(column.modality, own);
    const distances = [...own.values()].map((similarity) => -similarity);
    limits[column.modality] = compared.map((_, others) => {
      const radius = conformalRadius(distances, 1 - falseAlarms / (others + 1));
      return radius === undefined ? null : -radius;
    });
  }
  const joint = jointNovelty(similarities);
  const isUnlike = held.map((row) => {
    const present = [...similarities].flatMap(([modality, own]) => {
      const similarity = own.get(row);
      return similarity === undefined ? [] : [{ modality, similarity }];
    });
    if (joint && present.length > 1 && present.length === similarities.size)
      return sumOfShares(present, joint.similarities) < joint.limit;
    return present.some(
      ({ modality, similarity }) => similarity < noveltyLimit(limits, modality, present.length),
    );
  });
  const rows = Math.min(held.length, mostHeldOut);
  return { novelty: { falseAlarms, rows, neighbours: comparedRows, limits, joint }, isUnlike };
}

/** Similarities that are kept of a modality, evenly among all. */
const mostKept = 200;

/**
 * The limit for all modalities together, found on the rows that have all of them.
 * @returns undefined where there is one modality, or there are too few such rows
 */
function jointNovelty(
  similarities: ReadonlyMap<ModalityName, ReadonlyMap<number, number>>,
): (HeadManifest['novelty'] & {})['joint'] {
  const [first, ...others] = similarities.values();
  if (!first || others.length === 0) return undefined;
  const rows = [...first.keys()].filter((row) => others.every((own) => own.has(row)));
  const kept = Object.fromEntries(
    [...similarities].map(([modality, own]) => [modality, evenly([...own.values()])]),
  );
  const sums = rows.map((row) =>
    sumOfShares(
      [...similarities].map(([modality, own]) => ({ modality, similarity: valueFor(own, row) })),
      kept,
    ),
  );
  const radius = conformalRadius(
    sums.map((sum) => -sum),
    1 - falseAlarms,
  );
  return radius === undefined ? undefined : { similarities: kept, limit: -radius };
}

function sumOfShares(
  present: readonly { modality: ModalityName; similarity: number }[],
  similarities: Partial<Record<ModalityName, number[]>>,
): number {
  return present.reduce(
    (sum, { modality, similarity }) => sum + logShare(similarities[modality] ?? [], similarity),
    0,
  );
}

/** Of many values those at even ranks, ascending. */
function evenly(values: readonly number[]): number[] {
  const ascending = values.toSorted((a, b) => a - b);
  const count = Math.min(mostKept, ascending.length);
  return Array.from({ length: count }, (_, index) =>
    itemAt(ascending, Math.floor(((index + 0.5) * ascending.length) / count)),
  );
}

/** Of each row that has the modality, the cosine with the nearest training row. */
async function similaritiesOf(
  { dimension, present, read }: FeatureColumn,
  held: readonly number[],
  column: NeighbourColumn,
  isCompared: (index: number) => boolean,
): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  const known = held.filter((row) => present[row] === 1);
  for (const some of inBatches(known, rowsAtOnce)) {
    const features = new Float32Array(some.length * dimension);
    await read(some, features);
    for (const [index, row] of some.entries()) {
      const own = features.subarray(index * dimension, (index + 1) * dimension);
      found.set(row, nearestSimilarity(column, own, isCompared));
    }
  }
  return found;
}
