import type { HeadManifest } from './manifest.ts';
import type { Acceptance } from './registry/acceptance.ts';
import type { RegisteredHead } from './registry/head-reading.ts';

/** Which answers of a version are accepted: what was set of it in the registry, or else in its training. */
export function acceptanceOf(
  { acceptance }: Pick<RegisteredHead, 'acceptance'>,
  manifest: Pick<HeadManifest, 'acceptance'>,
): Acceptance | undefined {
  return acceptance === undefined ? manifest.acceptance : (acceptance ?? undefined);
}
