import { parseHeadManifest } from '../heads/head.ts';
import type { HeadVersion } from '../heads/registry/head-reading.ts';
import type { TrainingSummary } from './progress.ts';

/**
 * What the fine-tuning ended with that made a version.
 * @throws TandemError `damaged-artifact`
 */
export function readSummary({ name, version, manifest, folder }: HeadVersion): TrainingSummary {
  const { labels, target, metrics, training } = parseHeadManifest(manifest, `${name}@${version}`);
  const { examples, refit, seconds, startedFrom, tuning } = training;
  return {
    ...{ head: name, version, target, labels, examples, refit, metrics, seconds },
    ...{ startedFrom, tuning, folder },
  };
}
