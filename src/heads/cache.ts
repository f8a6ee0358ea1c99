import { stat } from 'node:fs/promises';
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import { Batcher } from '../runtime/batcher.ts';
import { EngineTimeout } from '../runtime/engine.ts';
import type { ModelLoader } from '../runtime/engine-pool.ts';
import { companionFiles } from './companions.ts';
import { headStopped } from './engines.ts';
import { type EncoderLookup, type Head, type ItemAnswer, loadHead } from './head.ts';
import type { ItemFeatures } from './item-features.ts';
import { headFiles } from './manifest.ts';
import type { HeadFolder } from './registry/head-reading.ts';

interface Entry {
  version: HeadFolder;
  loader: ModelLoader;
  head: Promise<Head>;
  /** Of head.onnx and what it takes beside encoders' features; what is held of them is about as much. */
  bytes: number;
  users: number;
}

/** Milliseconds for which a head that had to be stopped is not asked again. */
const stoppedFor = 60_000;

/** Items of all requests that one run of a head answers at most. */
const mostItems = 256;

/**
 * Heads that were asked for, each loaded once and kept until others need the room. A registered version never
 * changes, so what is loaded stays right. Requests that ask the same head at the same time share its runs.
 * @example const answer = await cache.use(await registry.open('pets'), (head) => head.classify(items));
 */
export class HeadCache {
  readonly #loaderOf: (version: HeadFolder) => ModelLoader;
  readonly #encoders: EncoderLookup;
  readonly #entries: LRUCache<string, Entry>;
  /** When a head last answered on each. */
  readonly #lastAnswers = new Map<ModelLoader, number>();
  /** Folders of heads that had to be stopped. */
  readonly #stopped = new LRUCache<string, string>({ max: 1000, ttl: stoppedFor });

  /**
   * @param loaderOf what loads a version
   * @param encoders those that are here
   * @param maximumBytes of the weights of all loaded heads; one that alone is larger is loaded for each request
   */
  constructor(loaderOf: (version: HeadFolder) => ModelLoader, encoders: EncoderLookup, maximumBytes: number) {
    this.#loaderOf = loaderOf;
    this.#encoders = encoders;
    this.#entries = new LRUCache({
      maxSize: maximumBytes,
      sizeCalculation: ({ bytes }) => bytes,
      dispose: (entry) => releaseUnused(entry),
    });
  }

  /** Heads that are loaded, and the bytes of their weights. */
  get loaded(): { heads: number; bytes: number } {
    return { heads: this.#entries.size, bytes: this.#entries.calculatedSize };
  }

  /**
   * When a head last answered, on the clock of `performance.now()`; where loaded heads have several loaders, on the one
   * that has been silent longest.
   */
  get lastAnswer(): number {
    const loaders = new Set([...this.#entries.values()].map(({ loader }) => loader));
    const answers = [...loaders].map((loader) => this.#lastAnswers.get(loader) ?? Number.NEGATIVE_INFINITY);
    return answers.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...answers);
  }

  /** The versions that are loaded, the one asked last first. */
  get versions(): HeadFolder[] {
    return [...this.#entries.values()].map(({ version }) => version);
  }

  /** What loads a version, which runs beside those of another loader. */
  loaderOf(version: HeadFolder): ModelLoader {
    return this.#loaderOf(version);
  }

  /** Evicts the head in a folder, once nothing uses it. */
  drop(folder: string): void {
    this.#entries.delete(folder);
    this.#stopped.delete(folder);
  }

  /**
   * Works with a head, which stays loaded that long.
   * @throws TandemError `head-conflict`, `damaged-artifact`; a failed load is tried again the next time; `head-stopped`
   * where it took too long, and for a minute afterwards without being asked
   */
  async use<Answer>(version: HeadFolder, work: (head: Head) => Promise<Answer>): Promise<Answer> {
    const { folder } = version;
    const stopped = this.#stopped.get(folder);
    if (stopped !== undefined) throw headStopped(stopped, { retryAfter: stoppedFor / 1000 });
    const entry = await this.#claim(version);
    try {
      return await work(await entry.head);
    } catch (error) {
      if (!(error instanceof EngineTimeout)) throw error;
      this.#stopped.set(folder, error.message);
      throw headStopped(error.message, { retryAfter: stoppedFor / 1000, cause: error });
    } finally {
      entry.users--;
      if (this.#entries.peek(folder) !== entry) releaseUnused(entry);
    }
  }

  async #claim(version: HeadFolder): Promise<Entry> {
    const { folder } = version;
    const bytes = this.#entries.has(folder) ? 0 : await weightsBytes(folder);
    // Another request may have begun to load it meanwhile.
    const known = this.#entries.get(folder);
    if (known) {
      known.users++;
      return known;
    }
    const loader = this.#loaderOf(version);
    const head = loadHead(loader, version, this.#encoders).then((loaded) =>
      sharingRuns(loaded, () => {
        this.#lastAnswers.set(loader, performance.now());
      }),
    );
    const entry = { version, loader, head, bytes, users: 1 };
    this.#entries.set(folder, entry);
    head.catch(() => {
      if (this.#entries.peek(folder) === entry) this.#entries.delete(folder);
    });
    return entry;
  }
}

/** @returns 1 where there is no such file: to say so is for the loading */
async function weightsBytes(folder: string): Promise<number> {
  const sizes = [headFiles.weights, ...companionFiles].map(async (file) => {
    const found = await stat(path.join(folder, file)).catch(() => undefined);
    return found?.size ?? 0;
  });
  return Math.max(
    1,
    (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0),
  );
}

function releaseUnused({ users, head }: Entry): void {
  if (users === 0)
    void head.then(
      ({ release }) => release(),
      () => {},
    );
}

/**
 * The head with requests of the same moment in one run.
 * @param onAnswer told of every run that was answered
 */
function sharingRuns(head: Head, onAnswer: () => void): Head {
  const batcher = new Batcher<ItemFeatures, ItemAnswer>({
    async run(take) {
      const answers = await head.classify(take);
      if (answers.length > 0) onAnswer();
      return answers;
    },
    budget: mostItems,
    // What comes this far has passed the encoders' queues.
    maximumQueue: Number.POSITIVE_INFINITY,
  });
  return {
    ...head,
    async classify(given) {
      const items = typeof given === 'function' ? given() : given;
      const answers = await Promise.all(items.map((item) => batcher.submit(item)));
      return answers.map(({ result }) => result);
    },
  };
}
