import { LRUCache } from 'lru-cache';
import type { Truth } from '../targets/truth.ts';
import type { ItemFeatures } from './item-features.ts';
import type { HeadManifest } from './manifest.ts';
import { type Neighbours, nearestRows, readNeighbours } from './neighbours.ts';
import type { HeadFolder } from './registry/head-reading.ts';

/** A training example that resembles an item. */
export interface NearestExample {
  /** Its row in the dataset. */
  row: number;
  truth: Truth;
  /** Cosine of the features, all modalities joined: 1 where they are the same. */
  similarity: number;
  /** The id of the dataset, where that is still registered. */
  dataset?: string;
}

/** How many are named. */
const named = 5;
/** Heads whose training rows are kept in memory, some 33 MB each at most, and for how many milliseconds. */
const keptHeads = 2;
const keptFor = 60_000;

/**
 * Finds the training examples that an item resembles.
 * @example
 * const nearest = new NearestExamples(async (hash) => (await catalogue.withHash(hash))?.id);
 * const [first] = await nearest.of(version, head.manifest, { text: features }); // { row: 17, truth: { class: 'cat' }, … }
 */
export class NearestExamples {
  readonly #datasetOf: (hash: string) => Promise<string | undefined>;
  readonly #read = new LRUCache<string, Promise<Neighbours | undefined>>({ max: keptHeads, ttl: keptFor });

  /** @param datasetOf the id of a registered dataset with this hash */
  constructor(datasetOf: (hash: string) => Promise<string | undefined>) {
    this.#datasetOf = datasetOf;
  }

  /**
   * The nearest first; none where the head keeps no training rows.
   * @throws TandemError `damaged-artifact`
   */
  async of(version: HeadFolder, manifest: HeadManifest, features: ItemFeatures): Promise<NearestExample[]> {
    const neighbours = await this.#neighboursOf(version, manifest);
    if (!neighbours) return [];
    const [dataset, rows] = await Promise.all([
      this.#datasetOf(manifest.training.datasetHash),
      nearestRows(neighbours, features, named),
    ]);
    return rows.map(({ row, truth, similarity }) => ({ row, truth, similarity, dataset }));
  }

  #neighboursOf(version: HeadFolder, { encoders }: HeadManifest): Promise<Neighbours | undefined> {
    const known = this.#read.get(version.folder);
    if (known) return known;
    const reading = readNeighbours(version, encoders);
    this.#read.set(version.folder, reading);
    reading.catch(() => this.#read.delete(version.folder));
    return reading;
  }
}
