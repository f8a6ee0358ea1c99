import { itemAt } from '../indexing.ts';
import type { ModalityName } from '../modalities/registry.ts';
import type { ItemFeatures } from './item-features.ts';
import type { HeadManifest } from './manifest.ts';
import { directionOf, type NeighbourColumn, readNeighbours, similarityTo } from './neighbours.ts';
import type { HeadFolder } from './registry/head-reading.ts';

type NoveltyLimits = HeadManifest['novelty'] & {};

/**
 * Tells whether an item is unlike what a head was trained on: whether the cosine of its features with those of the nearest
 * of some training rows is lower than it is of nearly all held-out rows. Where an item has several modalities, the shares of
 * held-out rows that are as far away are multiplied (Fisher's method), and nearly all held-out rows have a larger product. A
 * head without figures for that looks at each modality by itself, and lets each of m be wrong in an m-th of the false alarms.
 */
export interface Novelty {
  /** The modalities of which an item resembles no training row. Items whose features were asked before cost nothing. */
  unlikeIn(item: ItemFeatures): ModalityName[];
}

/** What an item has of a modality, and how far the rows were searched. */
interface Asked {
  column: NeighbourColumn;
  features: Float32Array;
  search: Search;
}

/**
 * The same from columns of training rows.
 * @example noveltyOf(columns, manifest.novelty).unlikeIn({ text: features }) // ['text']
 */
export function noveltyOf(columns: readonly NeighbourColumn[], novelty: NoveltyLimits): Novelty {
  const { limits, joint } = novelty;
  const known = columns.map((column) => ({ column, asked: new WeakMap<Float32Array, Search>() }));
  const jointly = joint && Object.keys(joint.similarities).length;
  return {
    unlikeIn(item) {
      const present = known.flatMap(({ column, asked }): Asked[] => {
        const features = item[column.modality];
        if (!features) return [];
        const search = asked.get(features) ?? { nearest: -1, next: 0 };
        asked.set(features, search);
        return [{ column, features, search }];
      });
      if (joint && present.length > 1 && present.length === jointly)
        return unlikeTogether(present, joint, limits);
      return present.flatMap(({ column, features, search }) => {
        const limit = noveltyLimit(limits, column.modality, present.length);
        searchRow(column, features, search, { limit });
        return search.nearest < limit ? [column.modality] : [];
      });
    },
  };
}

/**
 * Searches only until the item is near enough, as nearly all items are.
 * @returns the modalities that are unlike the training by themselves, or the one that is the most, where they are together
 */
function unlikeTogether(
  present: readonly Asked[],
  { similarities, limit }: JointNovelty,
  limits: NoveltyLimits['limits'],
): ModalityName[] {
  const shareOf = ({ column, search }: Asked) =>
    logShare(similarities[column.modality] ?? [], search.nearest);
  const sum = () => present.reduce((all, one) => all + shareOf(one), 0);
  const reach = ({ column, features, search }: Asked, least: number) =>
    searchRow(column, features, search, {
      limit: similarityWith(similarities[column.modality] ?? [], least),
    });
  for (const one of present) reach(one, limit / present.length);
  for (const one of present) {
    if (sum() >= limit) return [];
    reach(one, limit - (sum() - shareOf(one)));
  }
  if (sum() >= limit) return [];
  const alone = present.filter(
    ({ column, search }) => search.nearest < noveltyLimit(limits, column.modality, 1),
  );
  const farthest = present.reduce((found, other) => (shareOf(other) < shareOf(found) ? other : found));
  return (alone.length > 0 ? alone : [farthest]).map(({ column }) => column.modality);
}

type JointNovelty = NoveltyLimits['joint'] & {};

/**
 * Logarithm of the share of held-out rows that are as far away, the item counted among them.
 * @param similarities of held-out rows, ascending
 */
export function logShare(similarities: readonly number[], similarity: number): number {
  return Math.log((countUpTo(similarities, similarity) + 1) / (similarities.length + 1));
}

/** The least similarity whose {@link logShare} is as large; infinite where none is. */
function similarityWith(similarities: readonly number[], logarithm: number): number {
  const rank = Math.ceil(Math.exp(logarithm) * (similarities.length + 1) - 1 - 1e-9);
  return rank < 1 ? -1 : (similarities[rank - 1] ?? Number.POSITIVE_INFINITY);
}

/** How many are not larger, by bisection. */
function countUpTo(ascending: readonly number[], value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (itemAt(ascending, middle) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
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
