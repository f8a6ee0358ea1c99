import type { ModalityName } from '../modalities/registry.ts';
import type { HeadManifest } from './manifest.ts';
import type { Opinion } from './prediction.ts';
import { type Deciding, thresholdsOf } from './thresholds.ts';

type Saying = Deciding & Pick<HeadManifest, 'target'>;

/**
 * What a row of a head's answers says.
 * @param answer class probabilities, or the number
 * @param restingOn the modalities that the answer was made from
 * @param topK most labels to name; of any of several labels, all that are given are named
 * @example opinionOf(answer.fused, head.manifest, { restingOn: ['image', 'text'], topK: 5 }).labels[0] // { label: 'cat', probability: 0.97 }
 */
export function opinionOf(
  answer: Float64Array,
  head: Saying,
  { restingOn, topK }: { restingOn: readonly ModalityName[]; topK: number },
): Opinion {
  const { target, labels } = head;
  if (target === 'regression') return { labels: [], value: answer[0] };
  const ranked = [...answer.keys()].sort((a, b) => answer[b] - answer[a]);
  const named = (index: number) => ({ label: labels[index], probability: answer[index] });
  if (target === 'single') return { labels: ranked.slice(0, topK).map(named), confidence: answer[ranked[0]] };
  const thresholds = thresholdsOf(head, restingOn);
  const isGiven = (index: number) => answer[index] >= thresholds[index];
  const shown = ranked.filter((index, place) => place < topK || isGiven(index));
  return {
    labels: shown.map((index) => ({ ...named(index), given: isGiven(index) })),
    confidence: answer[ranked[0]],
  };
}
