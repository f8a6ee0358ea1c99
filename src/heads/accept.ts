import { targets } from '../targets/targets.ts';
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

/** How answers are accepted. */
export interface DecisionRule {
  /** How probable an answer must be at least; absent of numbers, which are unsure only where an item is unlike the training. */
  threshold?: number;
}

/**
 * How answers of a version are accepted: of labels where a threshold was set; of numbers wherever the head knows what is
 * unlike its training, because there their intervals hold no more.
 * @returns undefined where nothing is decided
 */
export function decisionRuleOf(
  version: Pick<RegisteredHead, 'acceptance'>,
  manifest: Pick<HeadManifest, 'target' | 'acceptance' | 'novelty'>,
): DecisionRule | undefined {
  if (targets[manifest.target].verdict) {
    const acceptance = acceptanceOf(version, manifest);
    return acceptance && { threshold: acceptance.threshold };
  }
  const { limits = {}, joint } = manifest.novelty ?? {};
  const knowsWhatIsUnlike =
    joint !== undefined ||
    Object.values(limits)
      .flat()
      .some((limit) => limit !== null);
  return knowsWhatIsUnlike ? {} : undefined;
}
