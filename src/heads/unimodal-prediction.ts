import { required } from '../indexing.ts';
import type { ModalityName } from '../modalities/registry.ts';
import type { TargetPrediction } from '../targets/prediction.ts';
import { targets } from '../targets/targets.ts';
import type { ItemProbabilities } from './head.ts';
import type { HeadManifest } from './manifest.ts';
import type { Prediction } from './prediction.ts';
import { type Deciding, thresholdsOf } from './thresholds.ts';

/**
 * What a row of a head's answers predicts.
 * @param answer class probabilities, or the number
 * @param options `restingOn`: the modalities that the answer was made from; `topK`: most labels to name, where all that
 *   are predicted of several labels are named in any case
 * @example predictionOf(answer.fused, head.manifest, { restingOn: ['image', 'text'], topK: 5 }).labels[0] // { label: 'cat', probability: 0.97 }
 */
export function predictionOf(
  answer: Float64Array,
  head: Deciding & Pick<HeadManifest, 'target' | 'interval'>,
  { restingOn, topK }: { restingOn: readonly ModalityName[]; topK: number },
): TargetPrediction {
  const { target, labels } = head;
  const thresholds = () => thresholdsOf(head, restingOn);
  return targets[target].predict(answer, { labels, topK, thresholds, radius: radiusOf(head, restingOn) });
}

/** Of numbers: where the answer rests on several modalities, but not all, the widest of theirs. */
function radiusOf(
  { encoders, interval }: Pick<Deciding, 'encoders'> & Pick<HeadManifest, 'interval'>,
  restingOn: readonly ModalityName[],
): number | undefined {
  if (!interval || restingOn.length === encoders.length) return interval?.fused;
  const own = restingOn.map((modality) => interval.unimodal[modality]);
  return own.includes(undefined) ? undefined : Math.max(...own.filter((radius) => radius !== undefined));
}

/**
 * What a head's answer to an item predicts: from everything, and from each modality alone.
 * @example predictionFrom(answer, head.manifest, 5).modalities // ['image', 'text']
 */
export function predictionFrom(
  { fused, unimodal }: ItemProbabilities,
  head: HeadManifest,
  topK: number,
): Omit<Prediction, 'timings'> {
  const modalities = Object.keys(unimodal) as ModalityName[];
  const alone = (modality: ModalityName) =>
    predictionOf(required(unimodal[modality], `the answer to ${modality}`), head, {
      restingOn: [modality],
      topK,
    });
  return {
    ...predictionOf(fused, head, { restingOn: modalities, topK }),
    modalities,
    unimodal: Object.fromEntries(modalities.map((modality) => [modality, alone(modality)])),
  };
}
