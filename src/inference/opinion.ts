import type { HeadManifest } from './head-manifest.ts';
import type { Opinion } from './prediction.ts';

type Saying = Pick<HeadManifest, 'target' | 'labels' | 'thresholds'>;

const usualThreshold = 0.5;

/**
 * What a row of a head's answers says.
 * @param answer class probabilities, or the number
 * @param topK most labels to name; of any of several labels, all that are given are named
 * @example opinionOf(answer.fused, head.manifest, 5).labels[0] // { label: 'cat', probability: 0.97 }
 */
export function opinionOf(
  answer: Float64Array,
  { target, labels, thresholds }: Saying,
  topK: number,
): Opinion {
  if (target === 'regression') return { labels: [], value: answer[0] };
  const ranked = [...answer.keys()].sort((a, b) => answer[b] - answer[a]);
  const named = (index: number) => ({ label: labels[index], probability: answer[index] });
  if (target === 'single') return { labels: ranked.slice(0, topK).map(named), confidence: answer[ranked[0]] };
  const isGiven = (index: number) => answer[index] >= (thresholds?.[index] ?? usualThreshold);
  const shown = ranked.filter((index, place) => place < topK || isGiven(index));
  return {
    labels: shown.map((index) => ({ ...named(index), given: isGiven(index) })),
    confidence: answer[ranked[0]],
  };
}
