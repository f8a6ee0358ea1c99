import type { ModalityName } from '../modalities/registry.ts';
import type { HeadManifest } from './manifest.ts';

/** What of a head says from which probability on its labels are given. */
export interface Deciding extends Pick<HeadManifest, 'labels' | 'thresholds' | 'unimodalThresholds'> {
  encoders: readonly Pick<HeadManifest['encoders'][number], 'modality'>[];
}

export const usualThreshold = 0.5;

/**
 * Of any of several labels: the probability from which each is given, in an answer that rests on these modalities. The
 * answer from everything has its own, and so has that of each modality alone: they are not equally sure. One from several,
 * but not all, has the mean of theirs.
 * @example const thresholds = thresholdsOf(head.manifest, ['text']);
 */
export function thresholdsOf(
  { labels, encoders, thresholds, unimodalThresholds }: Deciding,
  restingOn: readonly ModalityName[],
): readonly number[] {
  // Heads of earlier releases have one list for all their answers.
  const isOfAll = restingOn.length === encoders.length || unimodalThresholds === undefined;
  if (isOfAll) return thresholds ?? labels.map(() => usualThreshold);
  const own = restingOn.map((modality) => unimodalThresholds[modality]);
  const sum = (label: number) => own.reduce((all, each) => all + (each?.[label] ?? usualThreshold), 0);
  return labels.map((_, label) => sum(label) / own.length);
}
