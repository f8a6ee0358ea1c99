import { TandemError } from '../errors.ts';
import type { HeadCache } from './cache.ts';
import type { ItemFeatures } from './item-features.ts';
import type { Checked } from './readiness.ts';
import type { HeadFolder } from './registry/head-reading.ts';

/** Heads of an engine that are asked at most, one after the other. */
const mostAsked = 2;

/**
 * Whether heads answer: the usual head is asked about features that are all zero. Where there is no such head, or it is at
 * fault itself, one that is loaded is asked in its place. Of heads that run on another engine than it does, one that is
 * loaded is asked as well.
 * @param usual the head that is asked first; undefined if there is no such head
 * @example const readiness = new Readiness(checkOfHeads(cache, () => registry.open('emoji')), { what: 'the heads' });
 */
export function checkOfHeads(cache: HeadCache, usual: () => Promise<HeadFolder | undefined>): Checked {
  const answers = (version: HeadFolder) =>
    cache.use(version, (head) => {
      const zeros = head.manifest.encoders.map(({ modality, dimension }) => [
        modality,
        new Float32Array(dimension),
      ]);
      return head.classify([Object.fromEntries(zeros) as ItemFeatures]);
    });
  return {
    get lastBatch() {
      return { heads: cache.lastAnswer };
    },
    async check() {
      const first = await usual();
      const others = cache.versions.filter(({ folder }) => folder !== first?.folder);
      const byEngine = Map.groupBy(first ? [first, ...others] : others, (version) => cache.loaderOf(version));
      await Promise.all(
        [...byEngine.values()].map((versions) => askOne(versions.slice(0, mostAsked), answers)),
      );
    },
  };
}

async function askOne(
  versions: readonly HeadFolder[],
  answers: (version: HeadFolder) => Promise<unknown>,
): Promise<void> {
  for (const version of versions) {
    const problem = await answers(version).then(
      () => undefined,
      (error) => error,
    );
    if (problem === undefined) return;
    // A head's own fault says nothing of the engine.
    if (!(problem instanceof TandemError)) throw problem;
  }
}
