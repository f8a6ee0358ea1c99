import { TandemError } from '../errors.ts';
import type { HeadFolder } from '../store/heads/head-reading.ts';
import type { ItemFeatures } from './head.ts';
import type { HeadCache } from './head-cache.ts';
import type { Checked } from './readiness.ts';

/**
 * Whether heads answer: the usual head is asked about features that are all zero, through the engine that all heads
 * share. Where there is no such head, or it is at fault itself, one that is loaded is asked in its place.
 * @param usual the head that is asked first; undefined where there is none
 * @example const readiness = new Readiness(checkOfHeads(cache, () => registry.open('emoji')), { what: 'the heads' });
 */
export function checkOfHeads(cache: HeadCache, usual: () => Promise<HeadFolder | undefined>): Checked {
  const ask = (version: HeadFolder) =>
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
      const others = cache.versions.filter(({ folder }) => folder !== first?.folder).slice(0, 1);
      for (const version of [...(first ? [first] : []), ...others]) {
        const problem = await ask(version).then(
          () => undefined,
          (error) => error,
        );
        if (problem === undefined) return;
        // A head's own fault says nothing of the engine.
        if (!(problem instanceof TandemError)) throw problem;
      }
    },
  };
}
