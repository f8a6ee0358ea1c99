import { itemAt } from '../indexing.ts';
import type { ModalityName } from '../modalities/registry.ts';
import type { ItemFeatures } from './item-features.ts';
import type { HeadManifest } from './manifest.ts';
import { directionOf, type NeighbourColumn, readNeighbours, similarityTo } from './neighbours.ts';
import type { HeadFolder } from './registry/head-reading.ts';

type NoveltyLimits = HeadManifest['novelty'] & {};

/**
 * Tells whether an item is unlike what a head was trained on: whether the cosine of its features with those of the nearest
 * of some training rows is lower than it is of nearly all held-out rows. Each modality is looked at by itself. Where an item
 * has m of them, each may be wrong in an m-th of the false alarms, so that all together keep to them (Bonferroni).
 */
export interface Novelty {
  /** The modalities of which an item resembles no training row. Items whose features were asked before cost nothing. */
  unlikeIn(item: ItemFeatures): ModalityName[];
}

/**
 * The same from columns of training rows.
 * @example noveltyOf(columns, manifest.novelty).unlikeIn({ text: features }) // ['text']
 */
export function noveltyOf(columns: readonly NeighbourColumn[], { limits }: NoveltyLimits): Novelty {
  const known = columns.map((column) => ({ column, asked: new WeakMap<Float32Array, Search>() }));
  return {
    unlikeIn(item) {
      const present = known.flatMap((one) => {
        const features = item[one.column.modality];
        return features ? [{ ...one, features }] : [];
      });
      return present.flatMap(({ column, asked, features }) => {
        const limit = noveltyLimit(limits, column.modality, present.length);
        const search = asked.get(features) ?? { nearest: -1, next: 0 };
        asked.set(features, search);
        searchRow(column, features, search, { limit });
        return search.nearest < limit ? [column.modality] : [];
      });
    },
  };
}

/** The cosine below which an item with so many modalities is unlike the training in one of them; no cosine is below -∞. */
export function noveltyLimit(
  limits: NoveltyLimits['limits'],
  modality: ModalityName,
  modalities: number,
): number {
  return limits[modality]?.[modalities - 1] ?? Number.NEGATIVE_INFINITY;
}

/** How far the rows were searched for the one nearest to some features. */
interface Search {
  /** Cosine with the nearest so far; -1 before the first. */
  nearest: number;
  /** The row to look at next. */
  next: number;
}

/** Goes on searching until a row is near enough: most items resemble some row, and then the others need no look. */
function searchRow(
  column: NeighbourColumn,
  features: Float32Array,
  search: Search,
  { limit, isCompared }: { limit: number; isCompared?: (row: number) => boolean },
): void {
  const { scales } = column;
  if (search.nearest >= limit || search.next === scales.length) return;
  const direction = directionOf(features, column.dimension);
  while (search.nearest < limit && search.next < scales.length) {
    const row = search.next++;
    if (itemAt(scales, row) !== 0 && (!isCompared || isCompared(row)))
      search.nearest = Math.max(search.nearest, similarityTo(column, row, direction));
  }
}

/**
 * Cosine of features with the nearest row; -1 where no row has the modality.
 * @param isCompared which rows count; all where absent
 */
export function nearestSimilarity(
  column: NeighbourColumn,
  features: Float32Array,
  isCompared?: (row: number) => boolean,
): number {
  const search: Search = { nearest: -1, next: 0 };
  searchRow(column, features, search, { limit: Number.POSITIVE_INFINITY, isCompared });
  return search.nearest;
}

/** The first rows of a column, copied, so that the others need no memory. */
export function firstRows(
  { modality, dimension, scales, values }: NeighbourColumn,
  rows: number,
): NeighbourColumn {
  return { modality, dimension, scales: scales.slice(0, rows), values: values.slice(0, rows * dimension) };
}

/**
 * What tells what is unlike the training rows of a head.
 * @returns undefined where the head keeps none
 * @throws TandemError `damaged-artifact`
 */
export async function openNovelty(
  version: HeadFolder,
  { novelty, encoders }: Pick<HeadManifest, 'novelty' | 'encoders'>,
): Promise<Novelty | undefined> {
  const known = novelty && (await readNeighbours(version, encoders));
  if (!known) return undefined;
  return noveltyOf(
    known.columns.map((column) => firstRows(column, novelty.neighbours)),
    novelty,
  );
}
